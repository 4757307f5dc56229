package archive

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/text/unicode/norm"
)

// fold makes a folder's name what openExport made of it: other systems spell accents in other ways when they pack.
func fold(name string) string { return norm.NFC.String(name) }

// Items tells the export: its people, its channels, what can have no place in time, and then every record of its
// channels in the order of their times, at one time by channel. A record that stands twice in a channel (the same ts)
// is told once and then skipped. The items are the same at every call. An error ends them; the export having been
// checked, it means that the file cannot be read any more or is no longer the same.
func (s *Slack) Items() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		t := teller{Slack: s, yield: yield, told: map[ref]standing{}}
		_ = t.tell() && t.records() // either ends early when nobody listens any more
	}
}

// teller is one telling of an export.
type teller struct {
	*Slack
	yield func(Item, error) bool
	heap  cursors
	told  map[ref]standing // what has become of the messages of refs

	here ref // twice: the place whose ts are in seen
	at   int64
	seen map[string]bool
}

// standing is what a message that others speak of has become.
type standing struct {
	told bool   // as a message
	root string // the message under which answers to it go: itself, its own root, or who stands in for it
}

func (t *teller) tell() bool {
	for _, p := range t.people {
		if !t.yield(p, nil) {
			return false
		}
	}
	for _, c := range t.channels {
		c.Members = slices.Clone(c.Members)
		if !t.yield(c, nil) {
			return false
		}
	}
	for _, l := range t.lost {
		if !t.skip(Skipped{Channel: l.folder, Reason: l.reason}, l.records) {
			return false
		}
	}
	for _, d := range t.days {
		if !t.skip(Skipped{Channel: t.channels[d.channel].SourceID, Reason: "malformed"}, d.malformed) {
			return false
		}
	}
	return true
}

func (t *teller) skip(it Skipped, times int) bool {
	for range times {
		if !t.yield(it, nil) {
			return false
		}
	}
	return true
}

// records merges the days of all channels. A day's file is unpacked when its first record is due and let go after its
// last, so that memory holds the days that overlap, which overlap has bounded.
func (t *teller) records() bool {
	for i, d := range t.days {
		if d.good > 0 {
			t.heap = append(t.heap, &cursor{day: d, order: i, channelID: t.channels[d.channel].SourceID, at: d.first})
		}
	}
	heap.Init(&t.heap)
	for len(t.heap) > 0 {
		c := t.heap[0]
		if c.spots == nil {
			if err := t.load(c); err != nil {
				t.yield(nil, err)
				return false
			}
			heap.Fix(&t.heap, 0)
			continue
		}
		rec, at, ok := decode(c.spots[0].raw)
		if !ok {
			t.yield(nil, errChanged)
			return false
		}
		if !t.yield(t.convert(c.day.channel, &rec, at), nil) {
			return false
		}
		t.advance(c)
	}
	return true
}

func (t *teller) advance(c *cursor) {
	if c.spots = c.spots[1:]; len(c.spots) == 0 {
		heap.Pop(&t.heap)
		return
	}
	c.at = c.spots[0].at
	heap.Fix(&t.heap, 0)
}

var errChanged = errors.New("archive: the export changed while it was read")

// cursor walks one day's records in the order of time.
type cursor struct {
	day       day
	order     int
	channelID string
	at        int64
	spots     []spot // those still to come, nil before the file is loaded
}

// spot is a record in its file, whose memory it shares.
type spot struct {
	at  int64
	raw []byte
}

func (t *teller) load(c *cursor) error {
	data, err := readEntry(c.day.file, t.limits)
	if err != nil {
		return fmt.Errorf("archive: read again: %w", err)
	}
	c.spots = make([]spot, 0, c.day.good)
	err = elements(data, c.day.file.Name, t.limits, func(raw []byte) error {
		if at, ok := decodeTS(raw); ok {
			c.spots = append(c.spots, spot{at, raw})
		}
		return nil
	})
	if err != nil || len(c.spots) != c.day.good {
		return errChanged
	}
	slices.SortStableFunc(c.spots, func(a, b spot) int { return cmp.Compare(a.at, b.at) })
	c.at = c.spots[0].at
	return nil
}

// cursors is a heap: earliest first, at one time what must be loaded first, then by channel and file.
type cursors []*cursor

func (h cursors) Len() int      { return len(h) }
func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h cursors) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if (a.spots == nil) != (b.spots == nil) {
		return a.spots == nil
	}
	return cmp.Or(cmp.Compare(a.channelID, b.channelID), cmp.Compare(a.order, b.order)) < 0
}

// Push is part of heap.Interface; nothing is added once the heap stands.
func (h *cursors) Push(x any) { *h = append(*h, x.(*cursor)) }

// Pop is part of heap.Interface.
func (h *cursors) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	*h = (*h)[:last]
	return c
}
