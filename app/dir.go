package app

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A data directory:
//
//	lock              held by the one process that has it open
//	settings.json     this machine's settings; nothing secret
//	window.json       the size of the window; nothing secret
//	keyfile           the key that opens all else, mode 0600, where neither keychain nor passphrase does
//	node.sock         the running node's door for the command line
//	workspaces/<id>/  keys, store/, view/, blobs/ of one workspace
const (
	workspacesDir = "workspaces"
	keyFileName   = "keyfile"
	lockName      = "lock"
	socketName    = "node.sock"
	storeDir      = "store"
	viewDir       = "view"
	blobsDir      = "blobs"
)

// DefaultDir is where this device's copy lives when nobody says otherwise: HALLWAY_DATA, else the platform's own place.
func DefaultDir() (string, error) {
	if d := os.Getenv("HALLWAY_DATA"); d != "" {
		return d, nil
	}
	if d := os.Getenv("XDG_DATA_HOME"); d != "" {
		return filepath.Join(d, "hallway"), nil
	}
	d, err := platformDataDir()
	if err != nil {
		return "", fmt.Errorf("find a place for the data; name one with --data: %w", err)
	}
	return d, nil
}

// PassphraseFromEnv is the first line of the file that HALLWAY_PASSPHRASE_FILE names, or nil where it is not set.
func PassphraseFromEnv() ([]byte, error) {
	path := os.Getenv("HALLWAY_PASSPHRASE_FILE")
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, problem(ProblemLocked, "The file that HALLWAY_PASSPHRASE_FILE names cannot be read; check its name and who may read it.")
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" || len(line) > 1024 {
		return nil, problem(ProblemLocked, "The file that HALLWAY_PASSPHRASE_FILE names has no passphrase in its first line; write it there.")
	}
	return []byte(line), nil
}

// maxSocketPath is what a unix socket's address holds on every platform of ours.
const maxSocketPath = 100

// SocketPath is where a node on the data directory listens for the command line: inside it or, where that path is too
// long for a socket, in a folder of the owner's for temporary files.
func SocketPath(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	if p := filepath.Join(abs, socketName); len(p) <= maxSocketPath {
		return p
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(sharedSockets(), hex.EncodeToString(sum[:8])+".sock")
}

// sharedSockets is the folder for sockets whose data directory has too long a path.
func sharedSockets() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("hallway-%d", os.Getuid()))
}

// trustSocket refuses a socket in the folder for temporary files, where everybody on the computer may write, unless its
// folder is this user's and closed to others: anybody could have put a folder of that name there first, and heard what
// the command line says to the node.
func trustSocket(socket string) error {
	dir := filepath.Dir(socket)
	if dir != sharedSockets() {
		return nil
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ownAlone(info) {
		return problem(ProblemForbidden, fmt.Sprintf("The folder %s belongs to somebody else or is open to others; remove it, or keep the data in a folder with a shorter path.", dir))
	}
	return nil
}

// NodeRuns reports whether a node answers on the socket.
func NodeRuns(socket string) bool {
	if trustSocket(socket) != nil {
		return false
	}
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// ListenSocket listens for the command line. Only the owner can connect. The caller holds the data directory's lock, so
// that a socket that is there already is one that a crash left.
func ListenSocket(dir string) (net.Listener, error) {
	path := SocketPath(dir)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the socket's folder: %w", err)
	}
	if err := trustSocket(path); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove an old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for the command line: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen for the command line: %w", err)
	}
	return l, nil
}
