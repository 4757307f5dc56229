package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hallway/app"
)

func TestTheWindowComesBackAsItWasLeft(t *testing.T) {
	dir := t.TempDir()
	if got := readSize(dir); got != firstSize {
		t.Errorf("the first window is %+v", got)
	}
	left := size{Width: 900, Height: 700, Maximised: true}
	if err := writeSize(dir, left); err != nil {
		t.Fatal(err)
	}
	if got := readSize(dir); got != left {
		t.Errorf("left as %+v, back as %+v", left, got)
	}
	for _, nonsense := range []string{"", "{", `{"width":3,"height":700}`, `{"width":900,"height":99999}`, `[]`} {
		if err := os.WriteFile(filepath.Join(dir, sizeFile), []byte(nonsense), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := readSize(dir); got != firstSize {
			t.Errorf("%q made a window of %+v", nonsense, got)
		}
	}
}

func TestASavedFilesNameNamesNoFolder(t *testing.T) {
	for name, want := range map[string]string{
		"plan.pdf": "plan.pdf", "../../.bashrc": "bashrc", `..\..\win.ini`: "win.ini", "/etc/passwd": "passwd",
		"": "file", "..": "file", "/": "file", "a/": "a", "äöü 1.txt": "äöü 1.txt",
	} {
		if got := plainName(name); got != want {
			t.Errorf("%q is proposed as %q, not %q", name, got, want)
		}
	}
}

func TestWhatIsNotToBeSavedIsRefused(t *testing.T) {
	for _, data := range [][]any{nil, {"name"}, {"name", 1.0}, {"name", "id", "workspace", "more"}} {
		if _, err := parseSaving(data); err == nil {
			t.Errorf("%v was taken", data)
		}
	}
	s, err := parseSaving([]any{"a/sheet.txt", "words"})
	if err != nil || s.name != "sheet.txt" || s.text != "words" || s.id != "" {
		t.Errorf("a text came as %+v, %v", s, err)
	}
}

func TestASavedSheetIsForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sheet.txt")
	if err := (&window{}).write(t.Context(), saving{name: "sheet.txt", text: "words"}, path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if raw, _ := os.ReadFile(path); string(raw) != "words" || info.Mode().Perm() != 0o600 {
		t.Errorf("saved %q with mode %v", raw, info.Mode())
	}
}

func TestAFailureIsSaidAsTextAndRunsNothing(t *testing.T) {
	rec := httptest.NewRecorder()
	failureHandler(`The file "<script>x</script>" is damaged.`).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	body := rec.Body.String()
	if strings.Contains(body, "<script>x") || !strings.Contains(body, "&lt;script&gt;") {
		t.Errorf("the page is %s", body)
	}
	if !strings.HasPrefix(rec.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the page has no policy")
	}
}

func TestNoWindowComesToTheFrontWhereThereIsNone(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	if bringToFront(app.SocketPath(dir)) {
		t.Error("nobody listens, and a window came")
	}
	l, err := app.ListenSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	node := &http.Server{Handler: http.NotFoundHandler()} // a node without a window knows no such request
	served := make(chan error, 1)
	go func() { served <- node.Serve(l) }()
	if bringToFront(app.SocketPath(dir)) {
		t.Error("a node without a window showed one")
	}
	node.Close()
	<-served
}

func TestWrongUsageIsSaid(t *testing.T) {
	var out strings.Builder
	if code := run([]string{"stray"}, &out); code != 2 || !strings.Contains(out.String(), "usage:") {
		t.Errorf("answered %d, %q", code, out.String())
	}
}
