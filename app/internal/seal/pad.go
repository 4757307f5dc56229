package seal

import (
	"bytes"
	"math/bits"
)

// Padding hides a length among few (protocol 6.8): multiples of 32 bytes up to 256, then PADME, which leaves only the
// few leading bits of a length and costs at most 12 %. The content is closed with a byte 0x80 before the zeros, so that
// a padded text says by itself where it ends.

const padStep, padSteps = 32, 256

// PaddedLen is the length of n bytes of content once padded: the least in the set that leaves room for the closing
// byte.
func PaddedLen(n int) int {
	n++
	if n <= padSteps {
		return (n + padStep - 1) / padStep * padStep
	}
	return padme(n)
}

// padme is the least length that is at least n and has zeros behind its first few bits (lbarman.ch/blog/padme).
func padme(n int) int {
	if n < 2 {
		return n
	}
	exp := bits.Len(uint(n)) - 1
	low := exp - bits.Len(uint(exp))
	mask := 1<<low - 1
	return (n + mask) &^ mask
}

func pad(content []byte) []byte {
	out := make([]byte, PaddedLen(len(content)))
	out[copy(out, content)] = 0x80
	return out
}

// unpad is the inverse; it refuses padding that pad would not have made.
func unpad(padded []byte) ([]byte, error) {
	content := bytes.TrimRight(padded, "\x00")
	if len(content) == 0 || content[len(content)-1] != 0x80 {
		return nil, ErrMalformed
	}
	content = content[:len(content)-1]
	if PaddedLen(len(content)) != len(padded) {
		return nil, ErrMalformed
	}
	return content, nil
}

// isPadded reports whether n is a length that pad can make.
func isPadded(n int) bool { return n > 0 && PaddedLen(n-1) == n }
