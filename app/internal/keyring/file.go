package keyring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FileName is the ring's file in the workspace's folder.
const FileName = "keyring"

// The file is magic, version, source, then the wrapped root and the sealed body, each prefixed by its length. The body
// is bound to all that stands before it.
const (
	magic   = "hallway keyring\n"
	version = 1
)

// file is where a ring lives, and the part of its bytes that does not change when the body does.
type file struct {
	path string
	head []byte // magic to wrapped root
}

// Create gives a new ring its place in dir, which exists, and locks it with m. The file is there, synced, when it
// returns; ErrExists where there was one.
func Create(dir string, m Master, r *Ring) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := filepath.Join(dir, FileName)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("create keys: %w", ErrExists)
	}
	wrapped, err := m.wrap(r.root)
	if err != nil {
		return fmt.Errorf("create keys: %w", err)
	}
	head := append([]byte(magic), version, byte(m.Source()))
	f := &file{path: path, head: appendPart(head, wrapped)}
	if err := f.save(r.root, &r.id); err != nil {
		return fmt.Errorf("create keys: %w", err)
	}
	r.disk = f
	return nil
}

// SourceOf tells how the keys in dir are locked, so that app can ask for what is needed; ErrNone, ErrNewer, ErrDamaged.
func SourceOf(dir string) (Source, error) {
	p, err := readFile(dir)
	if err != nil {
		return 0, fmt.Errorf("look at keys: %w", err)
	}
	return p.source, nil
}

// Open unlocks the ring in dir with m.
func Open(dir string, m Master) (*Ring, error) {
	p, err := readFile(dir)
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	if p.source != m.Source() {
		return nil, fmt.Errorf("open keys: %w", ErrWrongSource)
	}
	root, err := m.unwrap(p.wrapped)
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	body, err := open(root.Derive("hallway/keyring-body/v1"), p.body, p.head)
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	id, err := parseContents(body)
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	return &Ring{root: root, id: id, disk: &file{path: filepath.Join(dir, FileName), head: p.head}}, nil
}

// Relock locks the ring with another master from now on, such as a new passphrase.
func (r *Ring) Relock(m Master) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.disk == nil {
		return fmt.Errorf("relock keys: %w", ErrNone)
	}
	wrapped, err := m.wrap(r.root)
	if err != nil {
		return fmt.Errorf("relock keys: %w", err)
	}
	f := &file{path: r.disk.path, head: appendPart(append([]byte(magic), version, byte(m.Source())), wrapped)}
	if err := f.save(r.root, &r.id); err != nil {
		return fmt.Errorf("relock keys: %w", err)
	}
	r.disk = f
	return nil
}

func (f *file) save(root Secret, c *contents) error {
	box, err := seal(root.Derive("hallway/keyring-body/v1"), c.append(nil), f.head)
	if err != nil {
		return err
	}
	return replace(f.path, appendPart(bytes.Clone(f.head), box))
}

type parsedFile struct {
	source  Source
	wrapped []byte
	head    []byte
	body    []byte
}

func readFile(dir string) (parsedFile, error) {
	f, err := os.Open(filepath.Join(dir, FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return parsedFile{}, ErrNone
	}
	if err != nil {
		return parsedFile{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return parsedFile{}, err
	}
	return parseFile(b)
}

func parseFile(b []byte) (parsedFile, error) {
	if len(b) > maxFile || len(b) < len(magic)+2 || string(b[:len(magic)]) != magic {
		return parsedFile{}, ErrDamaged
	}
	if b[len(magic)] > version {
		return parsedFile{}, ErrNewer
	}
	r := reader{b: b[len(magic):]}
	v, source := r.byte(), Source(r.byte())
	wrapped := r.part(1 << 16)
	head := b[:len(b)-len(r.b)]
	body := r.part(maxFile)
	if err := r.done(); err != nil || v != version || source < SourcePassphrase || source > SourceKeyFile {
		return parsedFile{}, ErrDamaged
	}
	return parsedFile{source: source, wrapped: wrapped, head: bytes.Clone(head), body: body}, nil
}

// replace puts b where path is, so that after a crash at any point the old bytes or the new ones are there, whole.
func replace(path string, b []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	defer os.Remove(tmp.Name()) // fails once it was renamed
	if err := writeSync(tmp, b); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return syncDir(dir)
}

// writeNew makes a file of mode 0600 that must not be there yet.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := writeSync(f, b); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func writeSync(f *os.File, b []byte) error {
	_, err := f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// append writes the body.
func (c *contents) append(b []byte) []byte {
	b = append(b, c.sign[:]...)
	b = append(b, c.transport[:]...)
	b = append(b, c.user[:]...)
	b = append(b, c.ws[:]...)
	b = appendOptional(b, c.recovery != nil, func() Secret { return c.recovery.entropy })
	b = appendOptional(b, c.workspace != nil, func() Secret { return c.workspace.entropy })
	b = binary.AppendUvarint(b, uint64(len(c.device)))
	for _, d := range c.device {
		b = append(b, d.Secrets()...)
	}
	b = binary.AppendUvarint(b, uint64(len(c.puks)))
	for _, p := range c.puks {
		b = binary.AppendUvarint(b, uint64(p.Gen))
		b = append(b, p.Identity.Secrets()...)
	}
	names := sortedKeys(c.extra)
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, n := range names {
		b = appendPart(appendPart(b, []byte(n)), c.extra[n])
	}
	return b
}

func appendOptional(b []byte, ok bool, get func() Secret) []byte {
	if !ok {
		return append(b, 0)
	}
	s := get()
	return append(append(b, 1), s[:]...)
}

func parseContents(b []byte) (contents, error) {
	r := reader{b: b}
	c := contents{extra: map[string][]byte{}}
	r.fill(c.sign[:])
	r.fill(c.transport[:])
	r.fill(c.user[:])
	r.fill(c.ws[:])
	if s, ok := r.optional(); ok {
		c.recovery = &RecoveryKey{s}
	}
	if s, ok := r.optional(); ok {
		c.workspace = &WorkspaceKey{s}
	}
	for range r.count(maxDEKs) {
		c.device = append(c.device, r.identity())
	}
	last := uint64(0)
	for range r.count(maxPUKs) {
		gen := r.uvarint()
		if gen <= last || gen > 1<<32-1 {
			r.fail()
		}
		last = gen
		c.puks = append(c.puks, PUK{Gen: uint32(gen), Identity: r.identity()})
	}
	before := ""
	for range r.count(maxExtras) {
		name := string(r.part(MaxExtra))
		if name <= before {
			r.fail()
		}
		before = name
		c.extra[name] = bytes.Clone(r.part(MaxExtra))
	}
	if err := r.done(); err != nil || len(c.device) == 0 {
		return contents{}, ErrDamaged
	}
	return c, nil
}
