package catchup

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"hallway/crdt"
)

// scatter lets people write in channels, each op landing in one replica or, as if it had come live, in both.
func scatter(rt *rapid.T, w *world, a, b *memory, scopes []crdt.ScopeID, most int) {
	for i := range rapid.IntRange(1, 6).Draw(rt, "authors") {
		name := fmt.Sprint("p", i, "-", w.clock.Unix())
		who := w.author(name)
		for range rapid.IntRange(0, 4).Draw(rt, "bursts") {
			scope := rapid.SampledFrom(scopes).Draw(rt, "scope")
			class := rapid.SampledFrom([]crdt.Class{crdt.ClassAccess, crdt.ClassKeys, crdt.ClassContent}).Draw(rt, "class")
			if scope == w.access && class == crdt.ClassContent {
				class = crdt.ClassKeys
			}
			both := rapid.Bool().Draw(rt, "both")
			r := a
			if i%2 == 1 {
				r = b
			}
			for range rapid.IntRange(1, most).Draw(rt, "ops") {
				op := who.write(r, scope, class, string(make([]byte, rapid.IntRange(0, 200).Draw(rt, "len"))))
				if both {
					other := a
					if r == a {
						other = b
					}
					if tip := other.Held(scope, op.Log); op.Seq == 0 || len(tip) > 0 && tip[len(tip)-1].To+1 == op.Seq {
						other.put(scope, op, op.Header.ID())
					}
				}
			}
		}
	}
}

// wander carries on with a random schedule for n steps at most.
func (l *link) wander(rt *rapid.T, n int) {
	for range n {
		i := rapid.IntRange(0, 1).Draw(rt, "end")
		var moved bool
		switch rapid.IntRange(0, 2).Draw(rt, "move") {
		case 0:
			moved = l.send(i)
		case 1:
			moved = l.deliver(i)
		case 2:
			moved = l.commit(i)
		}
		if !moved && !l.send(0) && !l.send(1) && !l.deliver(0) && !l.deliver(1) && !l.commit(0) && !l.commit(1) {
			return
		}
	}
}

// Whatever the schedule, and wherever connections break, two replicas end up equal, and what was once durable is never
// fetched again.
func TestAnyScheduleAndAnyLossConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		scopes := []crdt.ScopeID{w.access, scopeNamed("office"), scopeNamed("plans"), scopeNamed("lunch")}
		a := w.memory("anna").join(KindPublic, scopes[1]).join(KindPrivate, scopes[2:]...)
		b := w.memory("ben").join(KindPrivate, scopes[3]).join(KindPublic, scopes[1]).join(KindPrivate, scopes[2])
		for range rapid.IntRange(1, 4).Draw(rt, "meetings") {
			scatter(rt, w, a, b, scopes, 90)
			l := connect(t, a, b)
			l.wander(rt, rapid.IntRange(0, 120).Draw(rt, "steps"))
			l.close() // lost, with whatever was on the way
		}
		l := meet(t, a, b)
		mustEqual(t, a, b, scopes...)
		if a.twice+b.twice > 0 {
			t.Errorf("%d ops were fetched by one who had them", a.twice+b.twice)
		}
		if again := meet(t, a, b); again.bytes() >= 200 {
			t.Errorf("%d bytes between equal replicas, after %d", again.bytes(), l.bytes())
		}
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// While they talk, people go on writing; kicks bring that over too.
func TestWritingWhileCatchingUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		scopes := []crdt.ScopeID{w.access, scopeNamed("office")}
		a := w.memory("anna").join(KindPublic, scopes[1])
		b := w.memory("ben").join(KindPublic, scopes[1])
		l := connect(t, a, b)
		for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			scatter(rt, w, a, b, scopes, 40)
			l.wander(rt, rapid.IntRange(0, 60).Draw(rt, "steps"))
			if rapid.Bool().Draw(rt, "kick") {
				l.ends[rapid.IntRange(0, 1).Draw(rt, "who")].s.Kick(l.now, rapid.Bool().Draw(rt, "audit"))
			}
		}
		l.run()
		l.kick(false)
		mustEqual(t, a, b, scopes...)
		for _, e := range l.ends {
			if !e.s.Idle() {
				t.Errorf("%s is not idle", e.r.name)
			}
		}
		if t.Failed() {
			rt.FailNow()
		}
	})
}
