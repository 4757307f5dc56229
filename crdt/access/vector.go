package access

// vector says how much of each chain lies in a set of ops that is closed under "has in its past": chain -> length. It
// is never changed once made; vectors share what they have in common, so that one more op costs a few hundred bytes
// however many people there are, and equal parts are recognised by their address.
//
// A chain is a run of ops each of which is the direct successor of the one before, in one log. A log that its writer
// forked is several chains.
type vector struct{ top []*vectorMid }

const fan = 32

type (
	vectorMid  [fan]*vectorLeaf
	vectorLeaf [fan]uint32
)

// at is how many ops of the chain are in the set.
func (v vector) at(chain uint32) uint32 {
	i := chain / (fan * fan)
	if int(i) >= len(v.top) || v.top[i] == nil {
		return 0
	}
	leaf := v.top[i][chain/fan%fan]
	if leaf == nil {
		return 0
	}
	return leaf[chain%fan]
}

// with is the vector with n ops of the chain.
func (v vector) with(chain, n uint32) vector {
	i := int(chain / (fan * fan))
	top := make([]*vectorMid, max(len(v.top), i+1))
	copy(top, v.top)
	mid, leaf := vectorMid{}, vectorLeaf{}
	if top[i] != nil {
		mid = *top[i]
	}
	if old := mid[chain/fan%fan]; old != nil {
		leaf = *old
	}
	leaf[chain%fan] = n
	mid[chain/fan%fan] = &leaf
	top[i] = &mid
	return vector{top}
}

// join is the union of two sets.
func (v vector) join(w vector) vector {
	if len(v.top) < len(w.top) {
		v, w = w, v
	}
	var top []*vectorMid // made when v turns out not to be the answer
	for i, b := range w.top {
		a := v.top[i]
		if m := joinMid(a, b); m != a {
			if top == nil {
				top = make([]*vectorMid, len(v.top))
				copy(top, v.top)
			}
			top[i] = m
		}
	}
	if top == nil {
		return v
	}
	return vector{top}
}

func joinMid(a, b *vectorMid) *vectorMid {
	if a == b || b == nil {
		return a
	}
	if a == nil {
		return b
	}
	var out *vectorMid
	sameAsB := true
	for i := range a {
		l := joinLeaf(a[i], b[i])
		sameAsB = sameAsB && l == b[i]
		if l != a[i] && out == nil {
			c := *a
			out = &c
		}
		if out != nil {
			out[i] = l
		}
	}
	switch {
	case out == nil:
		return a
	case sameAsB:
		return b
	}
	return out
}

func joinLeaf(a, b *vectorLeaf) *vectorLeaf {
	if a == b || b == nil {
		return a
	}
	if a == nil {
		return b
	}
	isA, isB := true, true
	for i := range a {
		isA = isA && a[i] >= b[i]
		isB = isB && b[i] >= a[i]
	}
	switch {
	case isA:
		return a
	case isB:
		return b
	}
	var out vectorLeaf
	for i := range a {
		out[i] = max(a[i], b[i])
	}
	return &out
}
