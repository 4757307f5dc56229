// Command write writes frontend/src/api.gen.ts. It is run by go generate ./app/web.
package main

import (
	"fmt"
	"os"
	"reflect"

	"hallway/app"
	"hallway/app/web/tsgen"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: write FILE")
		os.Exit(2)
	}
	text := tsgen.Generate(reflect.TypeFor[app.Service](), reflect.TypeFor[app.Event](), reflect.TypeFor[app.Problem]())
	if err := os.WriteFile(os.Args[1], []byte(text), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
