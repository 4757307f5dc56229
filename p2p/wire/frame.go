package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// AppendFrame appends a frame: its length as a uvarint, then its bytes.
func AppendFrame(b, frame []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(frame)))
	return append(b, frame...)
}

// WriteFrame writes one frame in a single Write, so that concurrent writers of whole frames need only one lock.
func WriteFrame(w io.Writer, frame []byte) error {
	b := make([]byte, 0, len(frame)+binary.MaxVarintLen32)
	_, err := w.Write(AppendFrame(b, frame))
	return err
}

// FrameReader reads frames from a stream. It is for one goroutine.
type FrameReader struct {
	r     *bufio.Reader
	limit int
}

// NewFrameReader reads frames of at most limit bytes from r.
func NewFrameReader(r io.Reader, limit int) *FrameReader {
	return &FrameReader{r: bufio.NewReaderSize(r, 4096), limit: limit}
}

// firstGrant is what a frame may make us allocate before its bytes are here.
const firstGrant = 16 << 10

// Read answers the next frame, which the caller owns. The error is io.EOF where the stream ended between frames,
// ErrTooLarge or ErrMalformed for a bad length. A length alone never makes us allocate more than 16 KiB: the rest is
// claimed as its bytes come.
func (f *FrameReader) Read() ([]byte, error) {
	n, err := f.length()
	if err != nil {
		return nil, err
	}
	buf := make([]byte, min(n, firstGrant))
	for read := 0; ; {
		if _, err := io.ReadFull(f.r, buf[read:]); err != nil {
			return nil, fmt.Errorf("read frame: %w", noEOF(err))
		}
		if read = len(buf); read == n {
			return buf, nil
		}
		grown := make([]byte, min(n, 4*read))
		copy(grown, buf)
		buf = grown
	}
}

// length reads a minimal uvarint of at most limit.
func (f *FrameReader) length() (int, error) {
	var v uint64
	for i := 0; ; i++ {
		b, err := f.r.ReadByte()
		switch {
		case err == io.EOF && i == 0:
			return 0, io.EOF
		case err != nil:
			return 0, fmt.Errorf("read frame length: %w", noEOF(err))
		case i == 4:
			return 0, fmt.Errorf("read frame length: %w", ErrTooLarge)
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b&0x80 != 0 {
			continue
		}
		if b == 0 && i > 0 {
			return 0, fmt.Errorf("read frame length: %w", ErrMalformed)
		}
		if v > uint64(f.limit) {
			return 0, fmt.Errorf("frame of %d bytes: %w", v, ErrTooLarge)
		}
		return int(v), nil
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
