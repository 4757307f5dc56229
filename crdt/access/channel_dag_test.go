package access

import (
	"errors"
	"testing"

	"hallway/crdt"
)

// between is a random op about one channel, by anybody to anybody.
func (p *play) between(scope crdt.ScopeID) Body {
	user, rank := p.users[p.people[p.rng.IntN(6)]], ChannelRole(1+p.rng.IntN(3))
	switch p.rng.IntN(8) {
	case 0, 1:
		return &ChannelRemove{Scope: scope, Rank: rank, User: user}
	case 2:
		return &ChannelPolicy{Scope: scope, Rank: rank, Set: SetPost, Post: ChannelRole(p.rng.IntN(3))}
	case 3:
		return &ChannelArchive{Scope: scope, Rank: rank, Archived: p.rng.IntN(2) == 0}
	case 4:
		return &Leave{Scope: scope}
	}
	return &ChannelGrant{Scope: scope, Rank: rank, User: user, Role: ChannelRole(p.rng.IntN(3))}
}

// someHeads are random ops of the scope that no other of them has seen.
func (p *play) someHeads(of func(*opRec) bool) []crdt.OpID {
	var all, heads []*opRec
	for _, x := range p.st.ops {
		if of(x) {
			all = append(all, x)
		}
	}
	for range 1 + p.rng.IntN(3) {
		x := all[p.rng.IntN(len(all))]
		free := true
		for _, h := range heads {
			free = free && h != x && !h.has(x) && !x.has(h)
		}
		if free {
			heads = append(heads, x)
		}
	}
	var ids []crdt.OpID
	for _, h := range heads {
		ids = append(ids, h.id)
	}
	return crdt.SortHeads(ids)
}

// write is an op of a fresh log by somebody's first device, with this past.
func (p *play) write(name string, scope crdt.ScopeID, b Body, deps, heads []crdt.OpID) bool {
	pub := public(p.keys[name])
	log := crdt.NewLogID(p.ws, scope, pub[:], crdt.ClassAccess, crdt.Incarnation(p.rng.Uint64()))
	tip := crdt.Tip{Log: log, Device: crdt.RefOf(pub[:])}
	v, err := crdt.Sign(p.ws, p.keys[name], tip.Next(b.Type(), start, crdt.EpochID{}, crdt.HeadsDigest(heads), deps), b.Append(nil), heads)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err = p.st.Readmit(scope, v); err != nil && !errors.Is(err, ErrInadmissible) {
		p.t.Fatal(err)
	}
	if err == nil {
		p.log = append(p.log, written{scope, v})
	}
	return err == nil
}

// begin opens a private channel of Farah's and a public one of Noor's.
func (p *play) begin() (private, open crdt.ScopeID) {
	g := &ChannelGenesis{Founder: p.users["Farah"], Post: Poster}
	g.Members = []ChannelMember{{User: p.users["Noor"], Role: Manager}, {User: p.users["Emil"], Role: Poster}}
	if g.Members[0].User.String() > g.Members[1].User.String() {
		g.Members[0], g.Members[1] = g.Members[1], g.Members[0]
	}
	private, open = PrivateScope(p.ws, g), PublicScope(p.ws, p.users["Noor"], [32]byte{1})
	heads := p.st.View().AccessHeads(crdt.AccessScope(p.ws))
	if !p.write("Farah", private, g, nil, heads) || !p.write("Noor", crdt.AccessScope(p.ws), &ChannelCreate{Salt: [32]byte{1}, Post: Poster}, heads, heads) {
		p.t.Fatal("the channels could not be opened")
	}
	return private, open
}

func TestOracle01_ChannelsInAnyOrder(t *testing.T) {
	s := newStage(t)
	done, voided := 0, 0
	for seed := range uint64(40) {
		p := s.play(t, 60_000+seed, false)
		private, open := p.begin()
		no := p.st.scopeNo(private)
		for range 60 {
			name := p.people[p.rng.IntN(6)]
			ws := p.someHeads(func(x *opRec) bool { return x.scope == none && x.no >= int32(len(p.first)-1) })
			if p.rng.IntN(3) == 0 {
				if p.write(name, crdt.AccessScope(p.ws), p.between(open), ws, ws) {
					done++
				}
				continue
			}
			own := p.someHeads(func(x *opRec) bool { return x.scope == no })
			if p.write(name, private, p.between(private), own, append(ws, own...)) {
				done++
			}
		}
		for _, e := range p.st.View().Audit() {
			if !e.Effective {
				voided++
			}
		}
		want := picture(p.st.View())
		for range 4 {
			log := append([]written(nil), p.log...)
			p.rng.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
			if got := picture(deliver(t, p.ws, log, p.rng).View()); got != want {
				t.Fatalf("seed %d: two orders, two states:\n%s\n---\n%s", seed, want, got)
			}
		}
	}
	if done < 200 || voided < 10 {
		t.Fatalf("%d ops were admitted and %d voided: too tame to show anything", done, voided)
	}
}
