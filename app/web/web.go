// Package web serves the Office over HTTP: one handler with two doors. The window's door is inside the process and
// needs no password; the loopback door is for a browser on the same computer, behind a one-time token with checks of
// Host and Origin on every request, so that no page on the web can reach it (DNS rebinding, cross-site requests).
package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"hallway/app"
)

// Office is what this package serves.
type Office interface {
	app.Service
	app.Feed
	app.Files
}

// MaxRequest is the most bytes that a call may have; files go another way.
const MaxRequest = 1 << 20

// cookieName is the session's cookie of a door. A browser keeps cookies by host, not by port, so that several nodes on
// one computer need names of their own.
func cookieName(host string) string {
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		return "hallway"
	}
	return "hallway-" + port
}

// csp lets the page load nothing but its own files: nothing inline, nothing from elsewhere, no frame around it.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; " +
	"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Server is the handler behind both doors.
type Server struct {
	office Office
	calls  map[string]call
	assets http.Handler
	log    *slog.Logger

	mu      sync.Mutex
	token   [sha256.Size]byte // hash of the one-time token; zero once used
	session [sha256.Size]byte // hash of the cookie's value; zero before there is one
}

// New makes a server of the office and the built pages.
func New(office Office, assets fs.FS, log *slog.Logger) *Server {
	return &Server{office: office, calls: callsOf(office), assets: http.FileServerFS(assets), log: log}
}

// Window is the door for the window of this very process: no listener, no password.
func (s *Server) Window() http.Handler { return s.headers(s.routes(nil)) }

// Socket is the door for the command line, on a socket that only the owner of the data directory can open. It has
// events besides, which the window gets another way.
func (s *Server) Socket() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", s.events)
	mux.Handle("/", s.routes(nil))
	return mux
}

// Loopback is the door for a browser on this computer. host is the address that the listener has, as a browser writes
// it in Host; every request must carry it.
func (s *Server) Loopback(host string) http.Handler {
	cookie := cookieName(host)
	guard := func(next http.Handler) http.Handler { return s.needSession(cookie, next) }
	mux := s.routes(guard)
	mux.Handle("GET /events", guard(http.HandlerFunc(s.events)))
	mux.HandleFunc("POST /session", func(w http.ResponseWriter, r *http.Request) { s.openSession(w, r, cookie) })
	return s.headers(s.checkOrigin(host, mux))
}

// Token draws a new one-time token, in place of an unused one, for the fragment of the address that a person opens.
func (s *Server) Token() string {
	token := randomText()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = sha256.Sum256([]byte(token))
	return token
}

func randomText() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// routes are what every door has; guard, where there is one, stands before all that is not a page of ours.
func (s *Server) routes(guard func(http.Handler) http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	private := func(pattern string, h http.HandlerFunc) {
		if guard != nil {
			mux.Handle(pattern, guard(h))
			return
		}
		mux.HandleFunc(pattern, h)
	}
	private("POST /rpc/{method}", s.rpc)
	private("GET /file/{id}", s.getFile)
	private("POST /file", s.postFile)
	mux.Handle("GET /", s.assets)
	return mux
}

func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !strings.HasPrefix(r.URL.Path, "/assets/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// checkOrigin refuses what does not come from our own page: a Host of another name is DNS rebinding, an Origin of
// another site is that site's script.
func (s *Server) checkOrigin(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			s.refuse(w, http.StatusForbidden, "This address is not served here; open the one that Hallway printed.")
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			u, err := url.Parse(origin)
			if err != nil || u.Scheme != "http" || u.Host != host {
				s.refuse(w, http.StatusForbidden, "Another page may not use Hallway; open the address that Hallway printed.")
				return
			}
		} else if r.Method != http.MethodGet && r.Method != http.MethodHead {
			s.refuse(w, http.StatusForbidden, "A request without an origin is refused; use the command line for scripts.")
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
			s.refuse(w, http.StatusForbidden, "Another page may not use Hallway; open the address that Hallway printed.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// openSession swaps the one-time token for a cookie that scripts cannot read.
func (s *Server) openSession(w http.ResponseWriter, r *http.Request, cookie string) {
	var body struct {
		Token string `json:"token"`
	}
	if err := readJSON(w, r, &body); err != nil {
		s.fail(w, err)
		return
	}
	value := randomText()
	if !s.swap(body.Token, value) {
		s.refuse(w, http.StatusUnauthorized, "This address was used already or is of an earlier run; take the one that Hallway printed last.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	writeJSON(w, http.StatusOK, app.Done{})
}

func (s *Server) swap(token, value string) bool {
	got := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == ([sha256.Size]byte{}) || subtle.ConstantTimeCompare(got[:], s.token[:]) != 1 {
		return false
	}
	s.token = [sha256.Size]byte{}
	s.session = sha256.Sum256([]byte(value))
	return true
}

func (s *Server) needSession(cookie string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(cookie)
		s.mu.Lock()
		want := s.session
		s.mu.Unlock()
		if err != nil || want == ([sha256.Size]byte{}) {
			s.refuse(w, http.StatusUnauthorized, "This page has no session; open the address that Hallway printed.")
			return
		}
		if got := sha256.Sum256([]byte(c.Value)); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			s.refuse(w, http.StatusUnauthorized, "This page has no session; open the address that Hallway printed.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) refuse(w http.ResponseWriter, status int, sentence string) {
	writeJSON(w, status, &app.Problem{Kind: app.ProblemUnauthorized, Sentence: sentence})
}

func (s *Server) rpc(w http.ResponseWriter, r *http.Request) {
	c, ok := s.calls[r.PathValue("method")]
	if !ok {
		s.fail(w, &app.Problem{Kind: app.ProblemInvalid, Sentence: "There is no such call; the page and the program are of different versions, reload the page."})
		return
	}
	req := c.request()
	if err := readJSON(w, r, req); err != nil {
		s.fail(w, err)
		return
	}
	reply, err := c.do(r.Context(), req)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, reply)
}

// fail writes what a person should hear. An error that is not a Problem is ours: it is logged by its type and text,
// which never hold message text, and shown as one sentence.
func (s *Server) fail(w http.ResponseWriter, err error) {
	p := app.AsProblem(err)
	if p.Kind == app.ProblemInternal {
		s.log.Error("call failed", "err", err)
	}
	writeJSON(w, statusOf(p.Kind), p)
}

func statusOf(k app.ProblemKind) int {
	switch k {
	case app.ProblemUnauthorized:
		return http.StatusUnauthorized
	case app.ProblemForbidden, app.ProblemLocked:
		return http.StatusForbidden
	case app.ProblemNotFound:
		return http.StatusNotFound
	case app.ProblemTooLarge:
		return http.StatusRequestEntityTooLarge
	case app.ProblemDiskFull:
		return http.StatusInsufficientStorage
	case app.ProblemUnavailable, app.ProblemBusy:
		return http.StatusServiceUnavailable
	case app.ProblemTimeout:
		return http.StatusGatewayTimeout
	case app.ProblemInternal, app.ProblemDamaged, app.ProblemNewer:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if ct := r.Header.Get("Content-Type"); ct != "application/json" {
		return &app.Problem{Kind: app.ProblemInvalid, Sentence: "A call must be JSON; reload the page."}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxRequest))
	if err := dec.Decode(into); err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return &app.Problem{Kind: app.ProblemTooLarge, Sentence: "That is too much for one call; send it as a file."}
		}
		return &app.Problem{Kind: app.ProblemInvalid, Sentence: "The call could not be read; reload the page."}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // a write that fails has nobody left to tell
}

// call is one method of the service, found by reflection once.
type call struct {
	request func() any
	do      func(context.Context, any) (any, error)
}
