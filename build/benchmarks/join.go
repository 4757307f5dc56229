package main

import (
	"fmt"
	"time"

	"hallway/app"
)

// benchJoin: a new desk, from its program being started with a link to reading what was said in a channel.
func (b *bench) benchJoin() ([]figure, error) {
	ada, err := b.open("join-ada")
	if err != nil {
		return nil, err
	}
	defer ada.close()
	if _, err := ada.Create(b.ctx, app.CreateRequest{Name: "Harbour Studio", As: "Ada Njoku", Device: "desk"}); err != nil {
		return nil, err
	}
	if err := ada.online(b); err != nil {
		return nil, err
	}
	if _, err := ada.Send(b.ctx, app.SendRequest{Channel: "general", Text: "Welcome aboard"}); err != nil {
		return nil, err
	}
	var ours, theirs []float64
	for i := range b.rounds {
		took, err := b.joinOnce(ada, fmt.Sprintf("join-%d", i), fmt.Sprintf("Newcomer %d", i))
		if err != nil {
			return nil, err
		}
		least, err := meet(b.ctx)
		if err != nil {
			return nil, err
		}
		ours, theirs = append(ours, millis(took)), append(theirs, millis(least))
	}
	return []figure{{Name: "join", Value: median(ours), Unit: "ms", Floor: median(theirs),
		Note: fmt.Sprintf("spread %s ms, floor %s ms (a plain host made, connected, one round trip); to reach: 10,000 ms", spread(ours), spread(theirs))}}, nil
}

func (b *bench) joinOnce(ada *desk, dir, as string) (time.Duration, error) {
	inv, err := ada.Invite(b.ctx, app.InviteRequest{})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	d, err := b.open(dir)
	if err != nil {
		return 0, err
	}
	defer d.close()
	if err := d.online(b); err != nil {
		return 0, err
	}
	if _, err := d.Join(b.ctx, app.JoinRequest{Link: inv.Link, As: as, Device: "desk"}); err != nil {
		return 0, err
	}
	err = b.until(time.Minute, 2*time.Millisecond, func() (bool, error) {
		h, err := d.History(b.ctx, app.HistoryRequest{Channel: "general"})
		for i := range h.Rows {
			if h.Rows[i].Text == "Welcome aboard" {
				return true, nil
			}
		}
		return false, err
	})
	return time.Since(start), err
}
