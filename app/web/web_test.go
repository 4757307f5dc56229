package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"hallway/app"
	"hallway/app/web"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// desk is Ada's Office behind the loopback door, as a browser on her computer meets it.
type desk struct {
	*testing.T
	office *app.Office
	server *web.Server
	http   *httptest.Server
	host   string
	cookie *http.Cookie
	file   string // id of an attachment
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	log := slog.New(slog.DiscardHandler)
	office, err := app.Open(t.Context(), app.Options{Dir: t.TempDir(), Log: log, Network: app.Network{Off: true}, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := office.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := office.Create(t.Context(), app.CreateRequest{Name: "Harbour Studio", As: "Ada Njoku"}); err != nil {
		t.Fatal(err)
	}
	pages := fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>Hallway</title>")}, "assets/a.js": {Data: []byte("1")}}
	d := &desk{T: t, office: office, server: web.New(office, pages, log)}
	var door http.Handler
	d.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(d.http.Close)
	d.host = d.http.Listener.Addr().String()
	door = d.server.Loopback(d.host)
	return d
}

// request is one call of a page that came from origin; change makes it another's.
func (d *desk) request(method, path, body string, change func(*http.Request)) *http.Response {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.http.URL+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	r.Header.Set("Origin", "http://"+d.host)
	r.Header.Set("Content-Type", "application/json")
	if d.cookie != nil {
		r.AddCookie(d.cookie)
	}
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { resp.Body.Close() })
	return resp
}

// signIn swaps the one-time token for a session.
func (d *desk) signIn() {
	d.Helper()
	resp := d.request("POST", "/session", `{"token":"`+d.server.Token()+`"}`, nil)
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
		d.Fatalf("no session: %d", resp.StatusCode)
	}
	d.cookie = resp.Cookies()[0]
}

func (d *desk) want(resp *http.Response, status int) app.Problem {
	d.Helper()
	var p app.Problem
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	if resp.StatusCode != status {
		d.Fatalf("%s %s answered %d, not %d: %s", resp.Request.Method, resp.Request.URL.Path, resp.StatusCode, status, b)
	}
	if status != http.StatusOK {
		if err := json.Unmarshal(b, &p); err != nil || p.Sentence == "" || p.Kind == "" {
			d.Fatalf("%d without a sentence: %q", status, b)
		}
	}
	return p
}

func TestTheTokenWorksOnce(t *testing.T) {
	d := newDesk(t)
	token := d.server.Token()
	d.want(d.request("POST", "/session", `{"token":"wrong"}`, nil), http.StatusUnauthorized)
	d.want(d.request("POST", "/session", `{"token":""}`, nil), http.StatusUnauthorized)
	resp := d.request("POST", "/session", `{"token":"`+token+`"}`, nil)
	d.want(resp, http.StatusOK)
	c := resp.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || len(c.Value) < 40 {
		t.Errorf("cookie %+v", c)
	}
	d.want(d.request("POST", "/session", `{"token":"`+token+`"}`, nil), http.StatusUnauthorized)
	d.want(d.request("POST", "/rpc/Start", `{}`, nil), http.StatusUnauthorized)
	d.cookie = c
	d.want(d.request("POST", "/rpc/Start", `{}`, nil), http.StatusOK)

	older := d.server.Token()
	newer := d.server.Token()
	d.want(d.request("POST", "/session", `{"token":"`+older+`"}`, nil), http.StatusUnauthorized)
	d.want(d.request("POST", "/session", `{"token":"`+newer+`"}`, nil), http.StatusOK)
	d.want(d.request("POST", "/rpc/Start", `{}`, nil), http.StatusUnauthorized) // another browser has the session now
}

// TestTwoNodesInOneBrowser: cookies know no port, so that each node's session needs a name of its own.
func TestTwoNodesInOneBrowser(t *testing.T) {
	one, two := newDesk(t), newDesk(t)
	one.signIn()
	two.signIn()
	if one.cookie.Name == two.cookie.Name {
		t.Fatalf("both nodes keep their session under %q", one.cookie.Name)
	}
	one.want(one.request("POST", "/rpc/Start", `{}`, func(r *http.Request) { r.AddCookie(two.cookie) }), http.StatusOK)
	one.cookie = two.cookie
	one.want(one.request("POST", "/rpc/Start", `{}`, nil), http.StatusUnauthorized)
}

func TestOnlyOurOwnPageIsAnswered(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	_, port, _ := strings.Cut(d.host, ":")
	tests := []struct {
		name, method string
		change       func(*http.Request)
		status       int
	}{
		{"our page", "POST", nil, http.StatusOK},
		{"a name that was bound to this address", "POST", func(r *http.Request) { r.Host = "evil.example:" + port }, http.StatusForbidden},
		{"localhost by another name", "POST", func(r *http.Request) { r.Host = "localhost:" + port }, http.StatusForbidden},
		{"another port", "POST", func(r *http.Request) { r.Host = "127.0.0.1:1" }, http.StatusForbidden},
		{"another site's script", "POST", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		{"our host over another scheme", "POST", func(r *http.Request) { r.Header.Set("Origin", "https://"+d.host) }, http.StatusForbidden},
		{"a frame without an origin", "POST", func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		{"another node's page on this computer", "POST", func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") }, http.StatusForbidden},
		{"no origin at all", "POST", func(r *http.Request) { r.Header.Del("Origin") }, http.StatusForbidden},
		{"the browser says cross-site", "POST", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		{"the browser says same-site", "POST", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		{"the browser says same-origin", "POST", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }, http.StatusOK},
		{"no session", "POST", func(r *http.Request) { r.Header.Del("Cookie") }, http.StatusUnauthorized},
		{"a made-up session", "POST", func(r *http.Request) {
			r.Header.Set("Cookie", d.cookie.Name+"=AAAA")
		}, http.StatusUnauthorized},
		{"a form's post", "POST", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusBadRequest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			(&desk{T: t, http: d.http, host: d.host, cookie: d.cookie}).want(d.request(test.method, "/rpc/Start", `{}`, test.change), test.status)
		})
	}
	resp := d.request("GET", "/rpc/Start", "", nil)
	if resp.StatusCode == http.StatusOK && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		t.Error("a call was done by GET")
	}
}

func TestEveryAnswerOfTheBrowserDoorHasItsHeaders(t *testing.T) {
	d := newDesk(t)
	paths := []string{"GET /", "GET /assets/a.js", "GET /nothing", "POST /rpc/Start", "POST /rpc/Nothing", "POST /session", "GET /file/00", "GET /events", "PUT /", "DELETE /file/00"}
	for range 2 {
		for _, p := range paths {
			method, path, _ := strings.Cut(p, " ")
			for _, change := range []func(*http.Request){nil, func(r *http.Request) { r.Host = "evil.example" }} {
				h := d.request(method, path, `{}`, change).Header
				if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
					t.Errorf("%s: policy %q", p, csp)
				}
				if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s: headers %v", p, h)
				}
			}
		}
		d.signIn() // and again with a session
	}
}

// send puts a file into #general and answers its id.
func (d *desk) send(name, content string) string {
	d.Helper()
	f, err := d.office.AddFile(d.Context(), app.AddFileRequest{Name: name, Size: len(content)}, strings.NewReader(content))
	if err != nil {
		d.Fatal(err)
	}
	if _, err := d.office.Send(d.Context(), app.SendRequest{Channel: "general", Files: []string{f.ID}}); err != nil {
		d.Fatal(err)
	}
	return f.ID
}

func TestFilesThatCanRunScriptAreOnlySaved(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	tests := []struct {
		name, content, query string
		inline               bool
	}{
		{"crane.png", png, "", true},
		{"crane.png", png, "?save=1", false},
		{"page.html", "<!doctype html><script>alert(1)</script>", "", false},
		{"drawing.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "", false},
		{"drawing.svg", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`, "", false},
		{"crane.png", "<html><script>alert(1)</script>", "", false},
		{"notes.txt", "only words", "", false},
		{"script.js", "alert(1)", "", false},
		{"plan.pdf", "%PDF-1.7 ...", "", false},
	}
	for _, test := range tests {
		id := d.send(test.name, test.content)
		resp := d.request("GET", "/file/"+id+test.query, "", nil)
		got, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || string(got) != test.content {
			t.Fatalf("%s: %d %q %v", test.name, resp.StatusCode, got, err)
		}
		how, _, _ := strings.Cut(resp.Header.Get("Content-Disposition"), ";")
		kind := resp.Header.Get("Content-Type")
		if (how == "inline") != test.inline || !test.inline && (how != "attachment" || kind != "application/octet-stream") {
			t.Errorf("%s%s comes %s as %s", test.name, test.query, how, kind)
		}
		if csp := resp.Header.Get("Content-Security-Policy"); csp != "default-src 'none'; sandbox" {
			t.Errorf("%s: policy %q", test.name, csp)
		}
	}
	d.want(d.request("GET", "/file/00", "", nil), http.StatusNotFound)
	id := d.send("words.txt", "0123456789")
	resp := d.request("GET", "/file/"+id, "", func(r *http.Request) { r.Header.Set("Range", "bytes=3-5") })
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusPartialContent || string(b) != "345" {
		t.Errorf("a range answered %d %q", resp.StatusCode, b)
	}
	d.cookie = nil
	d.want(d.request("GET", "/file/"+id, "", nil), http.StatusUnauthorized)
}

func TestAFileIsTakenIn(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	name := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("X-File-Name", s) }
	}
	resp := d.request("POST", "/file", "walls", name("b%C3%A4ume%2F..%2F..%2Fplan.txt"))
	var f app.File
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Name != "plan.txt" || f.Size != 5 || f.ID == "" {
		t.Errorf("taken in as %+v, %v", f, err)
	}
	d.want(d.request("POST", "/file", "walls", name("")), http.StatusBadRequest)
	d.want(d.request("POST", "/file", "walls", name("%zz")), http.StatusBadRequest)
	d.want(d.request("POST", "/file?workspace=nowhere", "walls", name("plan.txt")), http.StatusNotFound)
}

// TestAFileThatVanishesWhileItIsSent: nothing is sent of it, and the sentence says so.
func TestAFileThatVanishesWhileItIsSent(t *testing.T) {
	d := newDesk(t)
	node := web.Local(d.server)
	defer node.Close()
	for name, body := range map[string]io.Reader{
		"cut short": strings.NewReader("half"),
		"broken":    io.MultiReader(strings.NewReader("half"), broken{}),
		"grown":     strings.NewReader(strings.Repeat("more", 100)),
	} {
		_, err := node.PutFile(t.Context(), "", "plan.txt", 100, body)
		var p *app.Problem
		if !errors.As(err, &p) || p.Kind != app.ProblemInvalid || !strings.Contains(p.Sentence, "changed or vanished while it was read; nothing was sent") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f, err := node.PutFile(t.Context(), "", "plan.txt", 4, strings.NewReader("walls"[:4])); err != nil || f.Size != 4 {
		t.Errorf("a whole file after that: %+v, %v", f, err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk was pulled out") }

func TestEventsReachABrowserWithASession(t *testing.T) {
	d := newDesk(t)
	at := "ws" + strings.TrimPrefix(d.http.URL, "http") + "/events?since=0"
	dial := func(origin string) (*websocket.Conn, error) {
		h := http.Header{"Origin": {origin}}
		if d.cookie != nil {
			h.Set("Cookie", d.cookie.Name+"="+d.cookie.Value)
		}
		conn, _, err := websocket.Dial(t.Context(), at, &websocket.DialOptions{HTTPHeader: h})
		return conn, err
	}
	if _, err := dial("http://" + d.host); err == nil {
		t.Fatal("events without a session")
	}
	d.signIn()
	if _, err := dial("https://evil.example"); err == nil {
		t.Fatal("events for another site's script")
	}
	conn, err := dial("http://" + d.host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	var first, e app.Event
	if err := wsjson.Read(t.Context(), conn, &first); err != nil || first.Kind != app.EventReset {
		t.Fatalf("first came %+v, %v", first, err)
	}
	if _, err := d.office.Send(t.Context(), app.SendRequest{Channel: "general", Text: "good morning"}); err != nil {
		t.Fatal(err)
	}
	for e.Kind != app.EventMessage {
		if err := wsjson.Read(t.Context(), conn, &e); err != nil {
			t.Fatal(err)
		}
	}
	if e.Message == nil || e.Message.Text != "good morning" || e.Seq <= first.Seq {
		t.Errorf("heard %+v", e)
	}
}

// TestEveryMethodIsReachable: whatever app.Service has can be called by every door, and answers with JSON.
func TestEveryMethodIsReachable(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	service := reflect.TypeFor[app.Service]()
	if service.NumMethod() < 50 {
		t.Fatalf("the service has only %d methods", service.NumMethod())
	}
	window := d.server.Window()
	for i := range service.NumMethod() {
		name := service.Method(i).Name
		for door, resp := range map[string]*http.Response{
			"browser": d.request("POST", "/rpc/"+name, `{"workspace":"no such workspace"}`, nil),
			"window":  record(window, name),
		} {
			b, err := io.ReadAll(resp.Body)
			var any any
			if err != nil || json.Unmarshal(b, &any) != nil {
				t.Errorf("%s by the %s answered %d %q", name, door, resp.StatusCode, b)
			}
			if strings.Contains(string(b), "no such call") || resp.StatusCode == http.StatusInternalServerError {
				t.Errorf("%s by the %s: %s", name, door, b)
			}
		}
	}
	d.want(d.request("POST", "/rpc/Close", `{}`, nil), http.StatusBadRequest) // a method of Office that is none of Service's
	d.want(d.request("POST", "/rpc/start", `{}`, nil), http.StatusBadRequest)
}

func record(h http.Handler, method string) *http.Response {
	r := httptest.NewRequest("POST", "/rpc/"+method, strings.NewReader(`{"workspace":"no such workspace"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// refusing is an Office that answers every status request with one problem.
type refusing struct {
	*app.Office
	err error
}

func (r refusing) Status(context.Context, app.StatusRequest) (app.StatusReply, error) {
	return app.StatusReply{}, r.err
}

func TestProblemsHaveTheirStatus(t *testing.T) {
	d := newDesk(t)
	want := map[app.ProblemKind]int{
		app.ProblemUnauthorized: 401, app.ProblemForbidden: 403, app.ProblemLocked: 403, app.ProblemNotFound: 404, app.ProblemTooLarge: 413,
		app.ProblemDiskFull: 507, app.ProblemUnavailable: 503, app.ProblemBusy: 503, app.ProblemTimeout: 504, app.ProblemInternal: 500,
		app.ProblemDamaged: 500, app.ProblemNewer: 500, app.ProblemInvalid: 400, app.ProblemAmbiguous: 400, app.ProblemExists: 400,
		app.ProblemExpired: 400, app.ProblemUsedUp: 400,
	}
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	for _, kind := range app.ProblemKind("").Values() {
		said := &app.Problem{Kind: kind, Sentence: "It rains.", Candidates: []string{"a", "b"}}
		p := d.want(record(web.New(refusing{d.office, said}, fstest.MapFS{}, log).Window(), "Status"), want[kind])
		if !reflect.DeepEqual(&p, said) {
			t.Errorf("%s came as %+v", kind, p)
		}
	}
	logged.Reset()
	p := d.want(record(web.New(refusing{d.office, errors.New("pipe 7 burst")}, fstest.MapFS{}, log).Window(), "Status"), 500)
	if p.Kind != app.ProblemInternal || strings.Contains(p.Sentence, "pipe") || !strings.Contains(logged.String(), "pipe 7 burst") {
		t.Errorf("a fault of ours came as %+v; the log says %s", p, &logged)
	}
}

func TestACallThatCannotBeReadIsRefused(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	d.want(d.request("POST", "/rpc/Send", `{"channel":`, nil), http.StatusBadRequest)
	d.want(d.request("POST", "/rpc/Send", `[]`, nil), http.StatusBadRequest)
	huge := `{"channel":"general","text":"` + strings.Repeat("a", web.MaxRequest) + `"}`
	if p := d.want(d.request("POST", "/rpc/Send", huge, nil), http.StatusRequestEntityTooLarge); p.Kind != app.ProblemTooLarge {
		t.Errorf("a call of over a megabyte: %+v", p)
	}
}
