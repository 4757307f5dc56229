// Package frontend holds the built window.
package frontend

import "embed"

// Assets is the built window under "dist". It holds only dist/.gitkeep where
// npm run build has not been run, and then there is no dist/index.html.
//
//go:embed all:dist
var Assets embed.FS
