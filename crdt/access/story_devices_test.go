package access

import (
	"crypto/ed25519"
	"testing"

	"hallway/crdt"
)

// laptop gives somebody a second device, vouched for by his first, and answers its name.
func (o *office) laptop(name string) string {
	o.t.Helper()
	second := name + "/2"
	d := o.desks[name]
	cert := NewDeviceCert(o.ws, public(d.rk), testBox(second), crdt.HLCAt(o.now), 0, CertSigners{d.dsk, testKey(second), testKey(second + " dtk")})
	o.do(name, &DeviceAdd{Cert: *cert})
	return second
}

func (o *office) dsk(name string) Key {
	key, _ := o.signer(name)
	return public(key)
}

func (o *office) device(name string) Device {
	o.t.Helper()
	key := o.dsk(name)
	d, ok := o.st.View().DeviceByRef(crdt.RefOf(key[:]))
	if !ok {
		o.t.Fatalf("no device %s", name)
	}
	return d
}

func (o *office) recipient(name string) (Recipient, bool) {
	for _, r := range o.st.View().Recipients(o.access()) {
		if r.User == o.user(name) {
			return r, true
		}
	}
	return Recipient{}, false
}

func TestStolenLaptopAndPhoneRevokeEachOtherAndBothAreOut(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo")
	laptop := o.laptop("Bram")
	fork := o.heads()
	o.from(fork, laptop, &DeviceRevoke{User: o.user("Bram"), Device: o.dsk("Bram")})
	o.from(fork, "Bram", &DeviceRevoke{User: o.user("Bram"), Device: o.dsk(laptop)})
	if !o.device("Bram").Revoked || !o.device(laptop).Revoked {
		t.Fatal("one of the two is still in")
	}
	o.expect("Bram", "member") // he, as a person, stays
	if _, ok := o.recipient("Bram"); ok {
		t.Fatal("a key that a revoked device knew is still wrapped to")
	}
	if got := o.st.View().Unreachable(o.access()); len(got) != 1 || got[0] != o.user("Bram") {
		t.Fatalf("unreachable: %v", got)
	}
	o.refused(o.try("Bram", &Profile{}))
	// The phrase on paper brings him back: a new device, a new key.
	rk := "rk:Bram"
	cert := NewDeviceCert(o.ws, public(o.desks["Bram"].rk), testBox("new"), 0, 0, CertSigners{o.desks["Bram"].rk, testKey("new"), testKey("new dtk")})
	o.do(rk, &DeviceAdd{Cert: *cert})
	o.do("new", &PukRotate{Puk: Puk{Gen: 2, Key: testBox("puk 2")}})
	if r, ok := o.recipient("Bram"); !ok || r.Gen != 2 {
		t.Fatalf("Bram is not reachable again: %+v", r)
	}
	// A revoked device never comes back.
	old := NewDeviceCert(o.ws, public(o.desks["Bram"].rk), testBox("x"), 0, 0, CertSigners{o.desks["Bram"].rk, testKey(laptop), testKey("z")})
	o.refused(o.try(rk, &DeviceAdd{Cert: *old}))
}

func TestAnEpochIsStaleOnceADeviceThatKnewItIsRevoked(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo")
	laptop := o.laptop("Bram")
	mint := o.st.View().AuthHeads(o.access())
	stale := func() bool {
		t.Helper()
		s, err := o.st.View().Stale(o.access(), mint)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	o.do("Chiyo", &PukRotate{Puk: Puk{Gen: 2, Key: testBox("2")}}) // on schedule: nobody got to know anything
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Chiyo"), Role: Moderator})
	if stale() {
		t.Fatal("stale without a reason")
	}
	o.do("Bram", &DeviceRevoke{User: o.user("Bram"), Device: o.dsk(laptop)})
	if !stale() {
		t.Fatal("the laptop can read on")
	}
}

func TestAnAdminRevokesAThiefsDeviceAndVoidsWhatItDid(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo")
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Bram"), Role: Admin})
	laptop := o.laptop("Bram")
	fork := o.heads()
	// The thief, with Bram's laptop, brings in a device of his own and throws Chiyo out with it.
	cert := NewDeviceCert(o.ws, public(o.desks["Bram"].rk), testBox("t"), 0, 0, CertSigners{testKey(laptop), testKey("thief"), testKey("thief dtk")})
	added := o.from(fork, laptop, &DeviceAdd{Cert: *cert})
	o.from([]crdt.OpID{added}, "thief", &Remove{Rank: Admin, User: o.user("Chiyo")})
	o.expect("Chiyo", "nobody")
	o.refused(o.write("Chiyo", o.access(), &DeviceRevoke{Rank: Member, User: o.user("Bram"), Device: o.dsk(laptop)}, fork, nil))
	o.from(fork, "Ada", &DeviceRevoke{Rank: Owner, User: o.user("Bram"), Device: o.dsk(laptop)})
	o.expect("Chiyo", "member")
	if !o.device("thief").Revoked || o.device("Bram").Revoked {
		t.Fatal("the thief's device is in, or Bram's own is out")
	}
	if d, ok := o.st.View().DeviceByTransport(testKey("thief dtk").Public().(ed25519.PublicKey)); ok {
		t.Fatalf("the thief may connect: %+v", d)
	}
	if _, ok := o.st.View().DeviceByTransport(o.desks["Bram"].dtk.Public().(ed25519.PublicKey)); !ok {
		t.Fatal("Bram may not connect")
	}
}

func TestAGenesisIsVerifiedByItself(t *testing.T) {
	o := newOffice(t)
	op := o.log[0].v.Op()
	keys := KeysIn(op)
	if _, err := crdt.VerifyOp(o.ws, keys[0], *op); err != nil {
		t.Fatal(err)
	}
	st := New(o.ws)
	if st.View().Founded() || len(st.Keys(op.Device)) != 0 {
		t.Fatal("something is known of nothing")
	}
	if _, err := st.Admit(o.access(), o.log[0].v); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if got := st.Keys(crdt.RefOf(key)); len(got) != 1 || string(got[0]) != string(key) {
			t.Fatalf("key not found again: %v", got)
		}
	}
	other := New(crdt.WorkspaceID{5})
	if _, err := other.Admit(o.access(), o.log[0].v); err == nil {
		t.Fatal("the genesis founded another workspace")
	}
}
