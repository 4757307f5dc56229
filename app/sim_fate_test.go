package app

import (
	"fmt"
	"testing/synctest"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

// invite has somebody new come, until there are enough.
func (a *simActs) invite(d *simDesk) {
	if len(a.desks) >= a.people || d.removed {
		return
	}
	q := InviteRequest{Uses: 1 + a.rng.IntN(3), ExpiresSec: 90 * 24 * 3600, Mode: InviteAuto}
	if a.rng.IntN(3) == 0 {
		q.Mode = InviteApprove
	}
	if rooms := a.rooms(d, managed); len(rooms) > 0 && a.rng.IntN(3) == 0 {
		q.Channels = []string{rooms[0].ID}
	}
	inv, err := d.of.Invite(a.ctx(), q)
	if !a.did(d, err, "invites, %s, %d uses", q.Mode, q.Uses) {
		return
	}
	for range q.Uses {
		if len(a.desks) < a.people {
			n := a.come(simNames[len(a.desks)%len(simNames)]+suffix(len(a.desks)/len(simNames)), a.skew(), inv.Link)
			a.note("%s comes, %s ahead", n.name, n.skew)
		}
	}
}

func suffix(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// skew is how wrong a new desk's clock is: most by seconds, some by minutes, a few by up to three weeks.
func (a *simActs) skew() time.Duration {
	most := []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second, 4 * time.Minute, time.Hour, maxSkew}[a.rng.IntN(6)]
	return time.Duration(a.rng.Int64N(int64(2*most))) - most
}

const maxSkew = 21 * 24 * time.Hour

// machine has something happen to the network or to a computer.
func (a *simActs) machine() {
	d := pick(a.rng, a.desks)
	switch n := a.rng.IntN(10); {
	case n < 2 && a.cut:
		a.net.Heal()
		a.cut = false
		a.note("the network is whole again")
	case n < 2:
		a.divide()
	case n < 4 && d.of != nil:
		a.note("%s is shut down", d.name)
		a.must(d.end())
	case n < 7 && d.of != nil:
		reboot, at := a.rng.IntN(2) == 0, time.Duration(a.rng.IntN(3000))*time.Microsecond
		time.Sleep(at)
		synctest.Wait()
		a.note("%s crashes, reboot %v", d.name, reboot)
		a.must(d.crash(reboot))
		if a.rng.IntN(2) == 0 {
			a.must(d.start())
			a.note("%s is on again", d.name)
		}
	case d.of == nil:
		a.must(d.start())
		a.note("%s is on", d.name)
	}
}

// divide cuts the network into two or three groups.
func (a *simActs) divide() {
	groups := make([][]string, 2+a.rng.IntN(2))
	for _, d := range a.desks {
		i := a.rng.IntN(len(groups))
		groups[i] = append(groups[i], d.name)
	}
	a.net.Cut(groups...)
	a.cut = true
	a.note("the network is cut: %v", groups)
}

var simNames = []string{"Ada", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gita", "Hugo", "Ines", "Jon", "Kaya", "Leo", "Mona", "Nils", "Olga",
	"Pia", "Quin", "Rosa", "Sam", "Tara", "Umar", "Vera", "Wim", "Xena", "Yves", "Zoe"}

// takenOut are those whom a desk knows to have been removed from the workspace or the channel, or to have left.
func takenOut(s *space, scope crdt.ScopeID) map[access.UserID]bool {
	out := map[access.UserID]bool{}
	for _, e := range s.access().Audit() {
		u := e.User
		switch e.Body.(type) {
		case *access.Leave:
			u = e.Author
		case *access.Remove, *access.ChannelRemove:
		default:
			continue
		}
		if e.Effective && (e.Scope == scope || e.Scope == s.scope()) && !s.access().MayRead(u, scope) {
			out[u] = true
		}
	}
	return out
}
