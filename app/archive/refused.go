package archive

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrRefused is what errors.Is finds in every RefusedError.
var ErrRefused = errors.New("archive: refused")

// RefusedError says that an export was not taken, and that nothing was told of it. Error is one sentence for a person:
// what is wrong and what to do. An error that is no RefusedError comes from reading the file (a disk that fails).
type RefusedError struct {
	sentence string
	cause    error
}

func (e *RefusedError) Error() string { return e.sentence }

// Unwrap gives the technical cause, or nil.
func (e *RefusedError) Unwrap() error { return e.cause }

// Is makes every RefusedError an ErrRefused.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

func refuse(format string, args ...any) error {
	return &RefusedError{sentence: fmt.Sprintf(format, args...)}
}

func refuseBecause(cause error, format string, args ...any) error {
	return &RefusedError{sentence: fmt.Sprintf(format, args...), cause: cause}
}

// show makes a name out of a hostile file fit to stand in a sentence on a terminal: no control or format characters
// (colours, line breaks, text direction), and at most 60 characters.
func show(name string) string {
	var b strings.Builder
	n := 0
	for _, r := range name {
		if n++; n > 60 {
			b.WriteString("…")
			break
		}
		if !unicode.IsGraphic(r) {
			r = '\uFFFD'
		}
		b.WriteRune(r)
	}
	return "\"" + b.String() + "\""
}
