package chat

import (
	"maps"
	"slices"

	"hallway/crdt"
	"hallway/crdt/access"
)

// Fold is a set of content ops and what it amounts to. It is the reference: plain, in memory, worked out from the whole
// set whenever it is asked after a change. store/view answers the same from tables. It is not safe for concurrent use.
type Fold struct {
	ops   map[crdt.OpID]Opened
	posts map[crdt.ScopeID][]Post // in display order; nil when the set has changed
}

// NewFold is the fold of no ops.
func NewFold() *Fold { return &Fold{ops: map[crdt.OpID]Opened{}} }

// Add takes an op in. Order and repetition do not matter; of one op the form in which more is known of it counts.
func (f *Fold) Add(o Opened) {
	if old, ok := f.ops[o.origin.ID]; ok && !o.knowsMore(&old) {
		return
	}
	f.ops[o.origin.ID], f.posts = o, nil
}

func (o *Opened) knowsMore(old *Opened) bool {
	return old.state == StateErased && o.state != StateErased || old.state == StateLocked && o.state == StateOpen
}

// Channel is the main line of a scope, in display order. The result must not be changed.
func (f *Fold) Channel(scope crdt.ScopeID) []Post { return f.where(scope, (*Post).Main) }

// Thread is the replies to a root, in display order. The result must not be changed.
func (f *Fold) Thread(scope crdt.ScopeID, root crdt.OpID) []Post {
	return f.where(scope, func(p *Post) bool { return p.Reply() && p.Thread == root })
}

// Roots are the ids that replies of a scope name as their roots, whether those are here or not, sorted.
func (f *Fold) Roots(scope crdt.ScopeID) []crdt.OpID {
	seen := map[crdt.OpID]bool{}
	for _, p := range f.where(scope, (*Post).Reply) {
		seen[p.Thread] = true
	}
	return slices.SortedFunc(maps.Keys(seen), crdt.CompareIDs)
}

func (f *Fold) where(scope crdt.ScopeID, is func(*Post) bool) []Post {
	var out []Post
	for _, p := range f.fold()[scope] {
		if is(&p) {
			out = append(out, p)
		}
	}
	return out
}

// Scopes are the scopes of which anything is here, sorted.
func (f *Fold) Scopes() []crdt.ScopeID {
	seen := map[crdt.ScopeID]bool{}
	for _, o := range f.ops {
		seen[o.origin.Scope] = true
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b crdt.ScopeID) int { return slices.Compare(a[:], b[:]) })
}

// Unread lists what the person has not read of a scope's main line, in display order: what others said beyond the
// frontier, whatever its time. Imported history never is.
func (f *Fold) Unread(scope crdt.ScopeID, self access.UserID, read ReadState) []Post {
	return f.where(scope, func(p *Post) bool { return p.Main() && p.Counts(self) && !read.Has(p.Log, p.Seq) })
}

// Late reports whether an op that came at this time was long under way; it is a fact of one copy, and no part of the
// fold's state.
func (o *Origin) Late(arrived crdt.HLC) bool { return arrived>>16 > o.HLC>>16+3600_000 }

func (f *Fold) fold() map[crdt.ScopeID][]Post {
	if f.posts != nil {
		return f.posts
	}
	w := folding{ops: slices.SortedFunc(maps.Values(f.ops), func(a, b Opened) int { return a.origin.Compare(&b.origin) })}
	w.redact()
	w.sort()
	f.posts = w.posts()
	return f.posts
}

// folding is the work on one set: first what is deleted, then what is about what, then the posts.
type folding struct {
	ops     []Opened // by (hlc, id)
	gone    map[crdt.OpID]deletion
	facts   map[crdt.OpID][]Fact
	carrier map[crdt.OpID]*Opened // of imported messages
}

type deletion struct {
	by  Origin
	row bool
}

// redact finds for each op the first Redact that holds for it: by its author, or by someone who moderates.
func (w *folding) redact() {
	w.gone = map[crdt.OpID]deletion{}
	byID := map[crdt.OpID]*Origin{}
	for i := range w.ops {
		byID[w.ops[i].origin.ID] = &w.ops[i].origin
	}
	for i := range w.ops {
		r := &w.ops[i]
		for _, t := range r.redact.Targets {
			target := byID[t.ID]
			if target == nil || target.Scope != r.origin.Scope || target.User != r.origin.User && !r.origin.Moderates {
				continue
			}
			if _, done := w.gone[t.ID]; !done {
				w.gone[t.ID] = deletion{r.origin, t.Row}
			}
		}
	}
}

// sort puts facts to their messages, and finds the lowest op that carries each imported message.
func (w *folding) sort() {
	w.facts, w.carrier = map[crdt.OpID][]Fact{}, map[crdt.OpID]*Opened{}
	for i := range w.ops {
		o := &w.ops[i]
		if _, dead := w.gone[o.origin.ID]; dead || o.state != StateOpen {
			continue
		}
		if target, ok := TargetOf(o.body); ok {
			w.facts[target] = append(w.facts[target], Fact{o.origin, o.body})
		}
		m, ok := o.body.(*Imported)
		if !ok || !o.origin.Imports {
			continue
		}
		id := m.ID(o.origin.Scope)
		if old := w.carrier[id]; old == nil || crdt.CompareIDs(o.origin.ID, old.origin.ID) < 0 {
			w.carrier[id] = o
		}
	}
}

func (w *folding) posts() map[crdt.ScopeID][]Post {
	out := map[crdt.ScopeID][]Post{}
	for i := range w.ops {
		if p, ok := w.post(&w.ops[i]); ok {
			out[p.Scope] = append(out[p.Scope], p)
		}
	}
	for _, posts := range out {
		slices.SortFunc(posts, func(a, b Post) int { return a.Compare(&b) })
	}
	return out
}

func (w *folding) post(o *Opened) (Post, bool) {
	if d, dead := w.gone[o.origin.ID]; dead && o.state != StateRedact {
		return Deleted(o.origin, d.by), d.row
	}
	switch o.state {
	case StateLocked:
		return Locked(o.origin), true
	case StateOpen:
		id := o.origin.ID
		if m, ok := o.body.(*Imported); ok {
			if id = m.ID(o.origin.Scope); w.carrier[id] != o {
				return Post{}, false
			}
		}
		return Assemble(o.origin, o.body, inScope(w.facts[id], o.origin.Scope))
	}
	return Post{}, false
}

func inScope(facts []Fact, scope crdt.ScopeID) []Fact {
	return slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return f.Scope != scope })
}
