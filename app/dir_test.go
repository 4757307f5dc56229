package app

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Somebody else on this computer was first to make the folder in which sockets of long paths lie, and left it open. No
// node listens in it, and no command talks to what listens there.
func TestASocketInAFolderThatOthersMadeIsNotTrusted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the folder for temporary files is each user's own")
	}
	tmp, err := os.MkdirTemp("", "hw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	t.Setenv("TMPDIR", tmp)
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	path := SocketPath(dir)
	if filepath.Dir(path) != sharedSockets() {
		t.Fatalf("the socket is at %s", path)
	}
	l, err := ListenSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !NodeRuns(path) {
		t.Error("a node in a folder of one's own does not run")
	}
	if err := os.Chmod(sharedSockets(), 0o777); err != nil {
		t.Fatal(err)
	}
	if NodeRuns(path) {
		t.Error("a command would talk to whatever listens in a folder that is open to all")
	}
	l.Close()
	if l, err := ListenSocket(dir); err == nil {
		l.Close()
		t.Error("a node listens in a folder that is open to all")
	}
	if err := os.RemoveAll(sharedSockets()); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), sharedSockets()); err != nil {
		t.Fatal(err)
	}
	if l, err := ListenSocket(dir); err == nil {
		l.Close()
		t.Error("a node listens where a link of somebody leads")
	}
}
