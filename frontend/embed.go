// Package frontend holds the built window.
package frontend

import (
	"embed"
	"io/fs"
)

// Assets is the built window under "dist". It holds only dist/.gitkeep where
// npm run build has not been run, and then there is no dist/index.html.
//
//go:embed all:dist
var Assets embed.FS

// Pages is the built window, with index.html at its root.
func Pages() fs.FS {
	sub, err := fs.Sub(Assets, "dist")
	if err != nil {
		panic(err) // the name is a constant that embed has checked
	}
	return sub
}
