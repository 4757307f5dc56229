package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"hallway/app/internal/keyring"
)

// A wrap is an age file whose content begins with what it is for, so that no wrap can be taken for another kind.

// The kinds of wraps.
const (
	kindPart   = "hallway/wrap-part/v1"
	kindGrant  = "hallway/wrap-grant/v1"
	kindAnswer = "hallway/wrap-answer/v1"
	kindNotice = "hallway/wrap-notice/v1"
	kindPUK    = "hallway/wrap-puk/v1"
)

const (
	// maxWrap bounds a wrap before anything of it is parsed: age itself allows a header of 2 MiB.
	maxWrap = 256 << 10
	// maxStanzas is the number of recipients of one wrap, a partition.
	maxStanzas = 64
)

// wrap encrypts content to some people: all of them post-quantum or none. Recipients are made from bytes of a fixed
// length, never from somebody's text, so that none can name a plugin (protocol 6.3).
func wrap(kind string, pq bool, content []byte, to ...keyring.Recipient) ([]byte, error) {
	if len(to) == 0 || len(to) > maxStanzas {
		return nil, fmt.Errorf("wrap for %d: %w", len(to), ErrTooLarge)
	}
	recipients := make([]age.Recipient, len(to))
	for i, t := range to {
		r, err := t.Age(pq)
		if err != nil {
			if pq && len(t.Hybrid) == 0 {
				return nil, fmt.Errorf("wrap: %w", ErrMixed)
			}
			return nil, fmt.Errorf("wrap: %w", err)
		}
		recipients[i] = r
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipients...)
	if err != nil {
		return nil, fmt.Errorf("wrap: %w", err)
	}
	if _, err := w.Write(append(appendPart(nil, []byte(kind)), content...)); err != nil {
		return nil, fmt.Errorf("wrap: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("wrap: %w", err)
	}
	return out.Bytes(), nil
}

// errNotMine says that a wrap is for others, or was changed: age cannot tell which.
var errNotMine = errors.New("no key of this device opens it")

// unwrap opens a wrap of this kind.
func unwrap(kind string, pq bool, file []byte, with keyring.Identity) ([]byte, error) {
	if err := checkWrap(file, pq); err != nil {
		return nil, err
	}
	id, err := with.Age(pq)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(file), id)
	if err != nil {
		var none *age.NoIdentityMatchError
		if errors.As(err, &none) {
			return nil, errNotMine
		}
		return nil, fmt.Errorf("unwrap: %w", ErrWrap)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxWrap))
	if err != nil {
		return nil, fmt.Errorf("unwrap: %w", ErrWrap)
	}
	label := appendPart(nil, []byte(kind))
	if !bytes.HasPrefix(plain, label) {
		return nil, fmt.Errorf("unwrap: another kind: %w", ErrWrap)
	}
	return plain[len(label):], nil
}

// checkWrap looks at the header before age does: its size, how many stanzas it has, and that all are of the
// workspace's one native kind.
func checkWrap(file []byte, pq bool) error {
	if len(file) > maxWrap {
		return fmt.Errorf("wrap of %d bytes: %w", len(file), ErrTooLarge)
	}
	want := "-> X25519 "
	if pq {
		want = "-> mlkem768x25519 "
	}
	first, rest, ok := bytes.Cut(file, []byte{'\n'})
	if !ok || string(first) != "age-encryption.org/v1" {
		return fmt.Errorf("wrap: %w", ErrMalformed)
	}
	for n := 0; ; {
		line, after, ok := bytes.Cut(rest, []byte{'\n'})
		switch {
		case !ok:
			return fmt.Errorf("wrap: %w", ErrMalformed)
		case bytes.HasPrefix(line, []byte("--- ")):
			return nil
		case bytes.HasPrefix(line, []byte("->")):
			if n++; n > maxStanzas {
				return fmt.Errorf("wrap for more than %d: %w", maxStanzas, ErrTooLarge)
			}
			if !bytes.HasPrefix(line, []byte(want)) {
				return fmt.Errorf("wrap for a recipient of another kind: %w", ErrMixed)
			}
		}
		rest = after
	}
}
