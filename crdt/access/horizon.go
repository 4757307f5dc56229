package access

import (
	"hallway/crdt"
)

// horizon is a causal past that an AuthRef stands for: a set of ops of the access scope and, for a private channel, of
// that scope's own. What is asked about it never changes, so that answers are kept.
type horizon struct {
	judge    *judge
	scopes   map[int32]vector
	channels map[int32]*channelJudge
	used     uint64 // for eviction
}

// channel asks about a channel in this past.
func (h *horizon) channel(sc *scopeRec) *channelJudge {
	no := h.judge.c.scopeNo(sc.id)
	if ch := h.channels[no]; ch != nil && ch.sc == sc {
		return ch
	}
	ch := h.judge.channel(sc, false, h.scopes[no])
	h.channels[no] = ch
	return ch
}

func (c *core) newJudge(past vector) *judge {
	return &judge{c: c, past: past, memo: map[int32]uint8{}}
}

// horizonOf is the past that ends in these heads; missing are those that are not here. Heads of a private scope other
// than this one are refused.
func (c *core) horizonOf(scope int32, heads []crdt.OpID) (h *horizon, missing []crdt.OpID, err error) {
	var ws, own vector
	for _, id := range heads {
		x := c.op(id)
		switch {
		case x == nil:
			missing = append(missing, id)
		case x.scope == none:
			if ws.at(x.chain) < x.pos {
				ws = ws.join(x.upto)
			}
		case x.scope == scope:
			own = own.join(x.upto)
			ws = ws.join(x.ws)
		default:
			err = inadmissible("heads of another channel")
		}
	}
	if err != nil || len(missing) > 0 {
		return nil, missing, err
	}
	h = &horizon{judge: c.newJudge(ws), scopes: map[int32]vector{}, channels: map[int32]*channelJudge{}}
	if scope != none {
		h.scopes[scope] = own
	}
	return h, nil, nil
}

// Limits of what a state remembers besides the ops themselves. What is forgotten is asked for again with a Missing.
const (
	maxHeads    = 1 << 18 // op ids in the lists of heads that are known by their digest: 8 MiB
	maxHorizons = 512
)

// authTable remembers which heads a digest stands for: two generations, the older of which is dropped when the younger
// is full.
type authTable struct {
	young, old map[crdt.AuthRef][]crdt.OpID
	size       int // ids in young
}

func newAuthTable() authTable { return authTable{young: map[crdt.AuthRef][]crdt.OpID{}} }

func (t *authTable) add(ref crdt.AuthRef, heads []crdt.OpID) {
	if t.size >= maxHeads/2 {
		t.old, t.young, t.size = t.young, map[crdt.AuthRef][]crdt.OpID{}, 0
	}
	t.young[ref] = heads
	t.size += len(heads) + 1
}

func (t *authTable) get(ref crdt.AuthRef) ([]crdt.OpID, bool) {
	if heads, ok := t.young[ref]; ok {
		return heads, true
	}
	heads, ok := t.old[ref]
	return heads, ok
}

// horizonKey: one digest may be asked about for several scopes, since a public channel's ops name the same heads.
type horizonKey struct {
	ref   crdt.AuthRef
	scope int32
}

// at is the past that an op's Auth names.
func (s *State) at(scope int32, ref crdt.AuthRef) (*horizon, error) {
	key := horizonKey{ref: ref, scope: none}
	if scope != none && s.scopes[scope].private {
		key.scope = scope
	}
	s.clock++
	if h := s.horizons[key]; h != nil {
		h.used = s.clock
		return h, nil
	}
	heads, ok := s.headsOf(ref)
	if !ok {
		return nil, &Missing{Auth: &ref}
	}
	h, missing, err := s.horizonOf(key.scope, heads)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, &Missing{Ops: missing}
	}
	if len(s.horizons) >= maxHorizons {
		s.evict()
	}
	h.used = s.clock
	s.horizons[key] = h
	return h, nil
}

// evict forgets the half of the horizons that were not asked about lately.
func (s *State) evict() {
	for key, h := range s.horizons {
		if h.used+maxHorizons/2 < s.clock {
			delete(s.horizons, key)
		}
	}
	if len(s.horizons) >= maxHorizons {
		clear(s.horizons)
	}
}

func (s *State) headsOf(ref crdt.AuthRef) ([]crdt.OpID, bool) {
	s.names.mu.RLock()
	defer s.names.mu.RUnlock()
	return s.names.auths.get(ref)
}
