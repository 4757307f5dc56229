package catchup

import (
	"testing"

	"hallway/crdt"
)

func TestAnnaAndBenMeetAndHoldTheSame(t *testing.T) {
	w := newWorld()
	office, plans := scopeNamed("office"), scopeNamed("plans")
	anna, ben := w.author("anna"), w.author("ben")
	a := w.memory("anna").join(KindPublic, office).join(KindPrivate, plans)
	b := w.memory("ben").join(KindPublic, office).join(KindPrivate, plans)
	anna.write(a, w.access, crdt.ClassAccess, "genesis")
	anna.write(a, w.access, crdt.ClassKeys, "mint")
	anna.say(a, office, 30)
	anna.say(a, plans, 3)
	ben.say(b, office, 50)
	meet(t, a, b)
	mustEqual(t, a, b, w.access, office, plans)
	if a.count(office) != 80 || b.count(plans) != 3 {
		t.Errorf("%d ops in the office, %d in plans", a.count(office), b.count(plans))
	}
	if a.twice+b.twice > 0 {
		t.Errorf("%d ops were sent to one who had them", a.twice+b.twice)
	}
	again := meet(t, a, b)
	if again.bytes() >= 200 {
		t.Errorf("equal replicas needed %d bytes", again.bytes())
	}
}
