// Package web serves app.Service over HTTP, to the window and to a browser on
// this machine alike.
package web

//go:generate go run ./tsgen/write ../../frontend/src/api.gen.ts
