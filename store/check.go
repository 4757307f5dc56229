package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// checkTables reads the index of every table before Badger does. Badger reads them in goroutines of its own and panics
// there over what does not fit, which would end the process; here a damaged table is an error. Blocks are checked one by
// one when they are read.
func checkTables(dir string) error {
	es, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range es {
		if !strings.HasSuffix(e.Name(), ".sst") {
			continue
		}
		if err := checkTable(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("table %s: %w", e.Name(), err)
		}
	}
	return nil
}

// checkTable reads the end of a table: index, length of the index, checksum over it, length of the checksum.
func checkTable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := tableEnd{f: f, at: info.Size()}
	sum := &pb.Checksum{}
	if err := proto.Unmarshal(end.read(end.length()), sum); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if _, ok := pb.Checksum_Algorithm_name[int32(sum.Algo)]; !ok {
		return fmt.Errorf("checksum of an unknown kind: %w", ErrDamaged)
	}
	index := end.read(end.length())
	if end.err != nil {
		return end.err
	}
	if err := y.VerifyChecksum(index, sum); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// tableEnd reads a file from its end.
type tableEnd struct {
	f   *os.File
	at  int64
	err error
}

func (e *tableEnd) read(n int64) []byte {
	if e.err != nil || n < 0 || n > e.at {
		e.err = errors.Join(e.err, fmt.Errorf("lengths do not fit: %w", ErrDamaged))
		return nil
	}
	e.at -= n
	b := make([]byte, n)
	if _, err := e.f.ReadAt(b, e.at); err != nil {
		e.err = err
		if errors.Is(err, io.EOF) {
			e.err = fmt.Errorf("shorter than it was: %w", ErrDamaged)
		}
	}
	return b
}

func (e *tableEnd) length() int64 {
	b := e.read(4)
	if b == nil {
		return -1
	}
	return int64(binary.BigEndian.Uint32(b))
}

// checkAtOpen is how many bytes of tables are read through when the store is opened. Larger ones are read through by
// Run, in the background: a damaged block does not show when it is passed over, since Badger's iterators end there
// without a word.
const checkAtOpen = 64 << 20

// Check reads every block of every table and compares it with its checksum. A fault is ErrDamaged, and the store writes
// no more: what is there should be saved, and the store be made anew from other copies.
func (db *DB) Check() error {
	db.readers.RLock()
	defer db.readers.RUnlock()
	if db.gone {
		return fmt.Errorf("check: %w", ErrClosed)
	}
	err := verify(db.bdg)
	if err != nil {
		err = fmt.Errorf("check: %w", err)
		db.fail(err)
	}
	return err
}

func verify(bdg *badger.DB) (err error) {
	defer guard(&err)
	if err := bdg.VerifyChecksum(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

func tableBytes(bdg *badger.DB) (total int64) {
	for _, t := range bdg.Tables() {
		total += int64(t.OnDiskSize)
	}
	return total
}
