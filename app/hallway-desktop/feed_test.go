package main

import (
	"encoding/json"
	"log/slog"
	"testing"

	"hallway/app"
)

// officeAndPage is an Office offline, and what its window's page is given.
func officeAndPage(t *testing.T) (*app.Office, *feed, chan []app.Event) {
	t.Helper()
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	office, err := app.Open(t.Context(), app.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Network: app.Network{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { office.Close() })
	page := make(chan []app.Event, 1024)
	f := &feed{office: office, log: slog.New(slog.DiscardHandler), emit: func(text string) {
		var batch []app.Event
		if err := json.Unmarshal([]byte(text), &batch); err != nil {
			t.Errorf("the page was given %q: %v", text, err)
		}
		page <- batch
	}}
	t.Cleanup(f.stop)
	return office, f, page
}

func changeSettings(t *testing.T, office *app.Office, times int) {
	t.Helper()
	for i := range times {
		if _, err := office.SetSettings(t.Context(), app.Settings{TextScale: 85 + i%60}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestThePageHearsWhatHappensAndAfterAReloadOnlyTheRest(t *testing.T) {
	office, f, page := officeAndPage(t)
	if err := f.restart([]any{"0"}); err != nil {
		t.Fatal(err)
	}
	first := <-page
	if len(first) != 1 || first[0].Kind != app.EventReset || first[0].Seq == 0 {
		t.Fatalf("a new page is told to read afresh, but got %+v", first)
	}
	changeSettings(t, office, 3)
	last := first[0].Seq
	for want := last + 3; last < want; {
		for _, e := range <-page {
			if e.Kind != app.EventSettings || e.Seq != last+1 {
				t.Fatalf("after %d came %+v", last, e)
			}
			last = e.Seq
		}
	}
	f.stop()
	changeSettings(t, office, 2)
	since, _ := json.Marshal(last)
	if err := f.restart([]any{string(since)}); err != nil {
		t.Fatal(err)
	}
	for want := last + 2; last < want; {
		for _, e := range <-page {
			if e.Kind != app.EventSettings || e.Seq != last+1 {
				t.Fatalf("after %d came %+v", last, e)
			}
			last = e.Seq
		}
	}
}

func TestAPageThatCannotKeepUpMissesNothing(t *testing.T) {
	office, f, page := officeAndPage(t)
	drawn := make(chan struct{})
	emit := f.emit
	f.emit = func(text string) {
		emit(text)
		<-drawn
	}
	if err := f.restart([]any{"0"}); err != nil {
		t.Fatal(err)
	}
	last := (<-page)[0].Seq
	const many = 1500 // more than the Office holds for one subscriber: it closes the subscription
	changeSettings(t, office, many)
	close(drawn)
	for want := last + many; last < want; {
		for _, e := range <-page {
			if e.Seq != last+1 {
				t.Fatalf("after %d came %d, of kind %s", last, e.Seq, e.Kind)
			}
			last = e.Seq
		}
	}
}

func TestWhatIsNoSeqIsRefused(t *testing.T) {
	_, f, _ := officeAndPage(t)
	for _, data := range [][]any{nil, {1.0}, {"-1"}, {"soon"}, {"1", "2"}} {
		if f.restart(data) == nil {
			t.Errorf("%v was taken", data)
		}
	}
}
