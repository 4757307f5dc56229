package web

import (
	"mime"
	"net/http"
	"net/url"
	"time"

	"hallway/app"
)

// inline are the types that a browser shows in place: pictures, sound and video that run nothing. All else, and
// everything that can carry script as SVG and HTML can, is only ever saved.
var inline = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "image/avif": true, "image/bmp": true,
	"audio/mpeg": true, "audio/ogg": true, "audio/wav": true, "audio/webm": true, "audio/mp4": true,
	"video/mp4": true, "video/webm": true, "video/ogg": true,
}

func (s *Server) getFile(w http.ResponseWriter, r *http.Request) {
	content, err := s.office.OpenFile(r.Context(), app.FileRequest{
		In: app.In{Workspace: r.URL.Query().Get("workspace")},
		ID: r.PathValue("id"),
	})
	if err != nil {
		s.fail(w, err)
		return
	}
	defer content.Body.Close()
	h := w.Header()
	disposition := "attachment"
	if inline[content.File.Type] && r.URL.Query().Get("save") == "" {
		disposition = "inline"
		h.Set("Content-Type", content.File.Type)
	} else {
		h.Set("Content-Type", "application/octet-stream")
	}
	if v := mime.FormatMediaType(disposition, map[string]string{"filename": content.File.Name}); v != "" {
		disposition = v
	}
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, "", time.Time{}, content.Body)
}

func (s *Server) postFile(w http.ResponseWriter, r *http.Request) {
	name, err := url.PathUnescape(r.Header.Get("X-File-Name"))
	if err != nil || name == "" {
		s.fail(w, &app.Problem{Kind: app.ProblemInvalid, Sentence: "The file has no name that can be read; rename it and try again."})
		return
	}
	file, err := s.office.AddFile(r.Context(), app.AddFileRequest{
		In:   app.In{Workspace: r.URL.Query().Get("workspace")},
		Name: name, Size: int(r.ContentLength),
	}, r.Body)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, file)
}
