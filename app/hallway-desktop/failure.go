package main

import (
	"html/template"
	"net/http"
)

// failurePage says why Hallway could not start. It has no script, and its style is a file of its own as the policy
// demands.
var failurePage = template.Must(template.New("failure").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Hallway</title><link rel="stylesheet" href="/failure.css"></head>
<body><main><h1>Hallway could not start</h1><p>{{.}}</p></main></body></html>
`))

const failureStyle = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0;display:grid;place-items:center;min-height:100vh}
main{max-width:32rem;padding:2rem}h1{font-size:1.25rem;margin:0 0 .5rem}p{margin:0;overflow-wrap:anywhere}
`

// showFailure says a sentence in a window of its own until that is closed.
func showFailure(sentence string) error {
	o := base(failureHandler(sentence))
	o.Width, o.Height = 560, minHeight
	return runWails(o)
}

func failureHandler(sentence string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /failure.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Write([]byte(failureStyle))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'")
		failurePage.Execute(w, sentence) // a write that fails has nobody left to tell
	})
	return mux
}
