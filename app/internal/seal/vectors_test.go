package seal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

const vectorDir = "testdata/vectors"

// obj is a JSON object; its keys are written in their order, so that files do not change by themselves.
type obj = map[string]any

// vector is one file of testdata/vectors; the README there says what each kind takes and answers.
type vector struct {
	Kind  string `json:"kind"`
	About string `json:"about"`
	Input obj    `json:"input"`
	Want  obj    `json:"want"`
}

func hx(b []byte) string { return hex.EncodeToString(b) }

func hexSecret(s keyring.Secret) string { return hex.EncodeToString(s[:]) }

type runner func(asker) (obj, error)

func runners() map[string]runner {
	return map[string]runner{
		"derive": runDerive, "keys": runKeys, "padded": runPadded, "content": runContent, "field": runField, "signal": runSignal,
		"historybox": runHistoryBox, "epochid": runEpochID, "mint": runMint, "grant": runGrant, "boxes": runBoxes, "want": runWant,
		"complaint": runComplaint, "secrets": runSecrets, "manifest": runManifest, "file": runFile, "wrap": runWrap, "phrase": runPhrase,
		"kit": runKit, "ring": runRing,
	}
}

func runDerive(a asker) (obj, error) {
	var parts [][]byte
	for p := range strings.SplitSeq(a.text("parts"), " ") {
		b, err := hex.DecodeString(p)
		if err != nil {
			a.t.Fatal(err)
		}
		parts = append(parts, b)
	}
	return obj{"key": hexSecret(keyring.Secret(a.b32("secret")).Derive(a.text("label"), parts...))}, nil
}

func runKeys(a asker) (obj, error) {
	s := a.sealer()
	secret, scope := keyring.Secret(a.b32("secret")), crdt.ScopeID(a.b32("scope"))
	log, err := s.logKey(logKeyID{a.b16("epoch"), scope, a.b16("log")})
	if err != nil {
		return nil, err
	}
	nonce, err := nonceOf(log, a.bytes("salt"), a.bytes("context"))
	return obj{"scope_key": hexSecret(s.scopeKey(secret, scope)), "log_key": hexSecret(log),
		"field_key": hexSecret(s.fieldKey(secret, scope, Field(a.text("field")))), "nonce": hx(nonce)}, err
}

func runPadded(a asker) (obj, error) { return obj{"padded": PaddedLen(a.num("length"))}, nil }

func runContent(a asker) (obj, error) {
	h, err := crdt.ParseHeader(a.bytes("header"))
	if err != nil {
		a.t.Fatal(err)
	}
	content, err := a.sealer().openContent(a.b32("scope"), &crdt.Op{Header: h, Payload: a.bytes("payload")})
	return obj{"content": hx(content)}, err
}

func runField(a asker) (obj, error) {
	text, err := a.sealer().OpenField(a.b32("scope"), a.b16("epoch"), Field(a.text("field")), a.bytes("box"))
	return obj{"text": string(text)}, err
}

func runSignal(a asker) (obj, error) {
	h := SignalHeader{Epoch: a.b16("epoch")}
	copy(h.Device[:], a.bytes("device"))
	for _, b := range a.bytes("hlc") {
		h.HLC = h.HLC<<8 | crdt.HLC(b)
	}
	content, err := a.sealer().OpenSignal(a.b32("scope"), h, a.bytes("box"))
	return obj{"content": hx(content)}, err
}

func runHistoryBox(a asker) (obj, error) {
	s := New(Options{Workspace: a.b32("workspace")})
	secret, err := s.openHistoryBox(a.b32("key_scope"), a.b16("newer"), a.b16("older"), a.b32("secret"), a.bytes("box"))
	return obj{"older_secret": hexSecret(secret)}, err
}

func runEpochID(a asker) (obj, error) {
	s := New(Options{Workspace: a.b32("workspace")})
	return obj{"epoch": s.epochID(a.b32("key_scope"), a.b32("auth"), a.b32("secret")).String()}, nil
}

func previousFields(list []previous) []obj {
	out := []obj{}
	for _, p := range list {
		o := obj{"epoch": p.epoch.String(), "box": nil}
		if p.box != nil {
			o["box"] = hx(p.box)
		}
		out = append(out, o)
	}
	return out
}

func runMint(a asker) (obj, error) {
	m, err := parseMint(a.bytes("bytes"))
	if err != nil {
		return nil, err
	}
	parts := []string{}
	for _, p := range m.parts {
		parts = append(parts, hx(p[:]))
	}
	return obj{"epoch": m.epoch.String(), "post_quantum": m.pq, "previous": previousFields(m.previous), "recipients": m.count,
		"parts": parts, "inline": m.inline != nil}, nil
}

func epochsText(ids []crdt.EpochID) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}

func runGrant(a asker) (obj, error) {
	g, err := parseGrant(a.bytes("bytes"))
	return obj{"user": hx(g.user[:]), "generation": g.gen, "epochs": epochsText(g.epochs), "wrap": hx(g.box)}, err
}

func runBoxes(a asker) (obj, error) {
	b, err := parseBoxes(a.bytes("bytes"))
	return obj{"under": b.under.String(), "boxes": previousFields(b.list)}, err
}

func runWant(a asker) (obj, error) {
	w, err := parseWant(a.bytes("bytes"))
	if err != nil {
		return nil, err
	}
	s := New(Options{Workspace: a.b32("workspace")})
	return obj{"sign_key": hx(w.by[:]), "epochs": epochsText(w.epochs), "authentic": ed25519.Verify(w.by[:], s.wantBytes(&w), w.sig[:])}, nil
}

func runComplaint(a asker) (obj, error) {
	id, err := ParseComplaint(a.bytes("bytes"))
	return obj{"epoch": id.String()}, err
}

func runSecrets(a asker) (obj, error) {
	l, err := parseSecrets(a.bytes("bytes"))
	out := []obj{}
	for i := range l {
		out = append(out, obj{"epoch": l[i].epoch.String(), "secret": hexSecret(l[i].secret)})
	}
	return obj{"secrets": out}, err
}

func runManifest(a asker) (obj, error) {
	m, err := ParseManifest(a.bytes("bytes"))
	ids := []string{}
	for _, id := range m.top {
		ids = append(ids, hx(id[:]))
	}
	return obj{"size": m.Size, "key": hexSecret(m.key), "ids": ids}, err
}

func runFile(a asker) (obj, error) {
	m, err := ParseManifest(a.bytes("manifest"))
	if err != nil {
		a.t.Fatal(err)
	}
	f, err := OpenFile(m, func(ChunkID) ([]byte, error) { return a.bytes("chunk"), nil })
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = f.WriteTo(&out)
	return obj{"content": hx(out.Bytes())}, err
}

func runWrap(a asker) (obj, error) {
	id, err := keyring.IdentityFromSecrets(a.bytes("identity"))
	if err != nil {
		a.t.Fatal(err)
	}
	content, err := unwrap(a.text("label"), a.flag("post_quantum"), a.bytes("file"), id)
	return obj{"content": hx(content)}, err
}

func runPhrase(a asker) (obj, error) {
	k, err := keyring.ParsePhrase(a.text("words"))
	if err != nil {
		return nil, err
	}
	return obj{"sign_key": hx(publicKey(k.Sign())), "identity": hx(k.Identity().Secrets())}, nil
}

func runKit(a asker) (obj, error) {
	k, ws, err := keyring.ParseKit(a.text("text"))
	if err != nil {
		return nil, err
	}
	return obj{"workspace": ws.String(), "sign_key": hx(publicKey(k.Sign()))}, nil
}

func runRing(a asker) (obj, error) {
	dir, ok := a.t.(interface{ TempDir() string })
	if !ok {
		a.t.Fatal("no folder")
	}
	at := dir.TempDir()
	key := filepath.Join(at, "keyfile")
	for path, b := range map[string][]byte{key: []byte(a.text("keyfile") + "\n"), filepath.Join(at, keyring.FileName): a.bytes("file")} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	r, err := keyring.Open(at, keyring.KeyFile(key))
	if err != nil {
		return nil, err
	}
	return ringFields(r), nil
}

func ringFields(r *keyring.Ring) obj {
	puks := []obj{}
	for _, p := range r.PUKs() {
		puks = append(puks, obj{"generation": p.Gen, "identity": hx(p.Identity.Secrets())})
	}
	user, store := r.User(), r.StoreKey()
	return obj{"sign_key": hx(publicKey(r.SignKey())), "transport_key": hx(publicKey(r.TransportKey())), "user": hx(user[:]),
		"workspace": r.Workspace().String(), "device": hx(r.Device().Secrets()), "puks": puks, "store_key": hexSecret(store),
		"note": string(r.Extra("note"))}
}

// outcome runs one vector's input through the code.
func outcome(t testing.TB, kind string, in obj) obj {
	t.Helper()
	run, ok := runners()[kind]
	if !ok {
		t.Fatalf("no such kind: %s", kind)
	}
	out, err := run(asker{t, in})
	for name, e := range map[string]error{"malformed": ErrMalformed, "too-large": ErrTooLarge, "forged": ErrForged, "wrap": ErrWrap,
		"not-mine": errNotMine, "mixed": ErrMixed, "phrase": keyring.ErrPhrase, "damaged": keyring.ErrDamaged, "wrong-key": keyring.ErrWrongKeyFile} {
		if errors.Is(err, e) {
			return obj{"error": name}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readVector(t testing.TB, file string) (v vector) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// TestVectors runs every file from its JSON alone.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, file := range files {
		v := readVector(t, file)
		kinds[v.Kind] = true
		var got obj
		if err := json.Unmarshal(asJSON(t, outcome(t, v.Kind, v.Input)), &got); err != nil {
			t.Fatal(err)
		}
		if want := asJSON(t, v.Want); !bytes.Equal(asJSON(t, got), want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, asJSON(t, got), want)
		}
	}
	for kind := range runners() {
		if !kinds[kind] {
			t.Errorf("no vector of kind %s", kind)
		}
	}
}

// What age draws by itself cannot be written twice alike: those vectors are written once, and then only opened.
func TestVectorsAreWhatTheGeneratorWrites(t *testing.T) {
	made := generateVectors(t)
	for name, v := range made {
		file := filepath.Join(vectorDir, name+".json")
		b := asJSON(t, v)
		have, err := os.ReadFile(file)
		once := err == nil && (v.Kind == "wrap" || v.Kind == "ring")
		if *update && !once {
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
			have = b
		}
		if !once && !bytes.Equal(have, b) {
			t.Errorf("%s is not what the generator writes; look at what changed, then run with -update", file)
		}
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := made[strings.TrimSuffix(filepath.Base(file), ".json")]; !ok {
			t.Errorf("%s: nothing writes it", file)
		}
	}
}
