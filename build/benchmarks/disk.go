package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"hallway/app"
	"hallway/p2p/wire"
)

// benchDisk: what a message of 100 characters takes on the disk of one who fetched it, logs, view and search together,
// once the desk is closed. The floor is what it took on the wire.
func (b *bench) benchDisk() ([]figure, error) {
	ada, bram, err := b.pair("disk")
	if err != nil {
		return nil, err
	}
	defer ada.close()
	if err := bram.close(); err != nil {
		return nil, err
	}
	empty, err := diskUse(filepath.Join(b.dir, "disk-bram"))
	if err != nil {
		return nil, err
	}
	ada.offline()
	texts := make([]post, b.n)
	for i := range texts {
		texts[i] = post{fmt.Sprintf("room-%d", i%corpusChannels), hundred(i)}
	}
	if err := b.fill(ada, texts); err != nil {
		return nil, err
	}
	if err := ada.online(b); err != nil {
		return nil, err
	}
	if bram, err = b.open("disk-bram", ada); err != nil {
		return nil, err
	}
	if err := bram.online(b); err != nil {
		return nil, err
	}
	err = b.until(30*time.Minute, 100*time.Millisecond, func() (bool, error) {
		st, err := bram.Status(b.ctx, app.StatusRequest{})
		return st.Have >= b.n, err
	})
	if err != nil {
		return nil, err
	}
	came := float64(bram.bytes.received(wire.ProtoSync)) / float64(b.n)
	if err := bram.close(); err != nil {
		return nil, err
	}
	full, err := diskUse(filepath.Join(b.dir, "disk-bram"))
	if err != nil {
		return nil, err
	}
	var each [2]float64
	for i, part := range []string{"store", "view"} {
		parts, err := filepath.Glob(filepath.Join(b.dir, "disk-bram", "workspaces", "*", part))
		if err != nil || len(parts) != 1 {
			return nil, fmt.Errorf("no %s in the desk's folder", part)
		}
		used, err := diskUse(parts[0])
		if err != nil {
			return nil, err
		}
		each[i] = float64(used) / float64(b.n)
	}
	return []figure{{Name: "disk", Value: float64(full-empty) / float64(b.n), Unit: "B", Floor: came,
		Note: fmt.Sprintf("%d messages; blocks allocated, less those of an empty desk (%d KiB); store %.0f B, view with search %.0f B each; not compacted beyond what closing does",
			b.n, empty>>10, each[0], each[1])}}, nil
}

// diskUse is how much room the files below a folder take: what they seem to have does not count.
func diskUse(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			total += st.Blocks * 512
		}
		return nil
	})
	return total, err
}
