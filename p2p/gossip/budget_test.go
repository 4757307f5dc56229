package gossip

import (
	"testing"
	"time"

	"hallway/crdt"
)

var ann, eve = crdt.DeviceRef{1}, crdt.DeviceRef{2}

// spend counts how many of n ops at once a device may send.
func spend(b *Budgets, d crdt.DeviceRef, c Cost, n int) (ok int) {
	for range n {
		if b.Allows(d, c) {
			b.Charge(d, c)
			ok++
		}
	}
	return ok
}

func TestBudgetsOfProtocol9(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	b := NewBudgets(Limits{}, func() time.Time { return now })
	text := Cost{Type: crdt.TypeContent, Bytes: 160}
	if n := spend(b, eve, text, 1000); n != 20 {
		t.Errorf("a burst of %d", n)
	}
	if n := spend(b, ann, text, 1); n != 1 {
		t.Error("one device's flood counts against another")
	}
	now = now.Add(10 * time.Second)
	if n := spend(b, eve, text, 1000); n != 20 {
		t.Errorf("after ten seconds %d, not two a second", n)
	}
	now = now.Add(time.Hour)
	if n := spend(b, eve, Cost{Type: crdt.TypeEpochMint}, 10); n != 6 {
		t.Errorf("%d epoch mints", n)
	}
	now = now.Add(time.Hour)
	if n := spend(b, eve, Cost{Type: crdt.TypeContent, NewLog: true}, 20); n != 20 {
		t.Errorf("%d new logs at once", n)
	}
	big := Cost{Type: crdt.TypeContent, Bytes: 1 << 20}
	now = now.Add(time.Hour)
	if n := spend(b, ann, big, 10); n != 5 {
		t.Errorf("%d MiB in an hour", n)
	}
	if n := spend(b, ann, Cost{Signal: true}, 100); n != 40 {
		t.Errorf("%d signals at once", n)
	}
}

func TestHourlyAndDailyBudgets(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	b := NewBudgets(Limits{}, func() time.Time { return now })
	logs, access := 0, 0
	for range 200 {
		now = now.Add(time.Second)
		logs += spend(b, ann, Cost{Type: crdt.TypeContent, NewLog: true}, 1)
	}
	if logs != 64 {
		t.Errorf("%d new logs in a few minutes", logs)
	}
	for range 400 {
		now = now.Add(time.Second)
		access += spend(b, eve, Cost{Type: crdt.TypeGrant}, 1)
	}
	if access < 200 || access > 200+400*200/3600+1 {
		t.Errorf("%d access ops in seven minutes", access)
	}
}

func TestAskingCostsNothingAndAClockThatGoesBackRefillsNothing(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	b := NewBudgets(Limits{}, func() time.Time { return now })
	text := Cost{Type: crdt.TypeContent}
	spend(b, ann, text, 10)
	for range 1000 {
		b.Allows(ann, text) // forged frames in ann's name
	}
	if n := spend(b, ann, text, 1000); n != 10 {
		t.Errorf("after forged frames %d are left", n)
	}
	now = now.Add(-time.Hour)
	if n := spend(b, ann, text, 10); n != 0 {
		t.Errorf("a clock set back gave %d", n)
	}
}

func TestTheTableOfDevicesIsBounded(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	l := DefaultLimits
	l.DevicesKept = 100
	b := NewBudgets(l, func() time.Time { return now })
	for i := range 1000 {
		now = now.Add(time.Second)
		spend(b, crdt.DeviceRef{byte(i), byte(i >> 8), 9}, Cost{Type: crdt.TypeContent}, 1)
	}
	if len(b.devices) > 100 {
		t.Errorf("%d devices are kept", len(b.devices))
	}
}
