package crdt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

// given is the input of a vector as the runner reads it; absent fields are zero.
type given struct {
	Bytes       string   `json:"bytes"`
	PrevAuth    string   `json:"prev_auth"`
	Workspace   string   `json:"workspace"`
	Scope       string   `json:"scope"`
	SignKey     string   `json:"sign_key"`
	Segment     string   `json:"segment"`
	Ops         []string `json:"ops"`
	Tail        []string `json:"tail"`
	Next        string   `json:"next"`
	Class       uint8    `json:"class"`
	Incarnation string   `json:"incarnation"`
	Log         string   `json:"log"`
	IDs         []string `json:"ids"`
	Label       string   `json:"label"`
	Parts       []string `json:"parts"`
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("vector with bad hex: %v", err)
	}
	return b
}

// b32 is 32 bytes from hex; none at all are 32 zeros.
func b32(t testing.TB, s string) (out [32]byte) {
	t.Helper()
	copy(out[:], unhex(t, s))
	return out
}

func b16(t testing.TB, s string) (out [16]byte) {
	t.Helper()
	copy(out[:], unhex(t, s))
	return out
}

func manyIDs(t testing.TB, in []string) []OpID {
	out := make([]OpID, len(in))
	for i, s := range in {
		out[i] = OpID(b32(t, s))
	}
	return out
}

func hexIDs(ids []OpID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

// errorClass is the one name that an error has in the vectors.
func errorClass(t testing.TB, err error) string {
	t.Helper()
	var names []string
	for name, e := range map[string]error{
		"malformed": ErrMalformed, "version": ErrVersion, "too-large": ErrTooLarge,
		"not-authentic": ErrNotAuthentic, "uncovered": ErrUncovered,
	} {
		if errors.Is(err, e) {
			names = append(names, name)
		}
	}
	if len(names) != 1 {
		t.Fatalf("%v is of the classes %v, want one", err, names)
	}
	return names[0]
}

// outcome runs one vector's input through the code.
func outcome(t testing.TB, kind string, in given) obj {
	t.Helper()
	run, ok := map[string]func(testing.TB, given) (obj, error){
		"header": runHeader, "op": runOp, "segment": runSegment, "chain": runChain, "forkproof": runFork,
		"logid": runLogID, "logclass": runLogClass, "heads": runHeads, "workspace": runWorkspace, "device": runDevice,
		"signkey": runSignKey, "hash": runHash, "branches": runBranches, "redact": runRedact,
	}[kind]
	if !ok {
		t.Fatalf("no such kind: %s", kind)
	}
	out, err := run(t, in)
	if err == nil {
		return out
	}
	if out == nil {
		out = obj{}
	}
	out["error"] = errorClass(t, err)
	return out
}

func headerFields(h *Header) obj {
	out := obj{
		"type": h.Type, "device": h.Device.String(), "log": h.Log.String(), "seq": h.Seq, "prev": nil,
		"hlc": fmt.Sprintf("%016x", uint64(h.HLC)), "epoch": nil, "auth": h.Auth.String(), "dependencies": hexIDs(h.Deps),
		"payload_length": h.PayloadLen, "payload_hash": hex.EncodeToString(h.PayloadHash[:]), "id": h.ID().String(),
	}
	if h.Seq > 0 {
		out["prev"] = h.Prev.String()
	}
	if !h.Epoch.IsZero() {
		out["epoch"] = h.Epoch.String()
	}
	return out
}

// cargoFields is what an op carries beside its header.
func cargoFields(out obj, op *Op) obj {
	out["signature"], out["payload"], out["heads"] = nil, nil, hexIDs(op.Heads)
	if op.Sig != nil {
		out["signature"] = hex.EncodeToString(op.Sig[:])
	}
	if op.HasPayload() {
		out["payload"] = hex.EncodeToString(op.Payload)
	}
	return out
}

func runHeader(t testing.TB, in given) (obj, error) {
	h, err := ParseHeader(unhex(t, in.Bytes))
	if err != nil {
		return nil, err
	}
	return headerFields(&h), nil
}

func runOp(t testing.TB, in given) (obj, error) {
	f, err := ParseOp(unhex(t, in.Bytes))
	if err != nil {
		return nil, err
	}
	op := f.Complete(AuthRef(b32(t, in.PrevAuth)))
	if in.SignKey != "" {
		if _, err := VerifyOp(WorkspaceID(b32(t, in.Workspace)), unhex(t, in.SignKey), op); err != nil {
			return nil, err
		}
	}
	out := cargoFields(headerFields(&op.Header), &op)
	out["same_auth"] = f.NeedsPrev()
	return out, nil
}

func segmentFields(ops []Op) []obj {
	out := make([]obj, len(ops))
	for i := range ops {
		out[i] = cargoFields(obj{"id": ops[i].Header.ID().String()}, &ops[i])
	}
	return out
}

func runSegment(t testing.TB, in given) (obj, error) {
	s, err := ParseSegment(unhex(t, in.Bytes))
	if err != nil {
		return nil, err
	}
	return obj{"ops": segmentFields(s.Ops), "tail": segmentFields(s.Tail)}, nil
}

func runChain(t testing.TB, in given) (obj, error) {
	c := Chain{Next: OpID(b32(t, in.Next))}
	if in.Segment != "" {
		s, err := ParseSegment(unhex(t, in.Segment))
		if err != nil {
			return nil, err
		}
		c.Ops, c.Tail = s.Ops, s.Tail
	}
	for i, part := range [][]string{in.Ops, in.Tail} {
		for _, s := range part {
			f, err := ParseOp(unhex(t, s))
			if err != nil {
				return nil, err
			}
			to := []*[]Op{&c.Ops, &c.Tail}[i]
			*to = append(*to, f.Complete(AuthRef{}))
		}
	}
	got, err := VerifyChain(WorkspaceID(b32(t, in.Workspace)), unhex(t, in.SignKey), c)
	if err != nil && !errors.Is(err, ErrUncovered) {
		return nil, err
	}
	ids, kept := []string{}, []string{}
	for _, v := range got.Ops {
		ids = append(ids, v.ID().String())
		if v.Op().Sig != nil {
			kept = append(kept, v.ID().String())
		}
	}
	return obj{"verified": ids, "kept": kept, "checked": got.Signatures}, err
}

func runFork(t testing.TB, in given) (obj, error) {
	p, err := ParseForkProof(unhex(t, in.Bytes))
	if err == nil {
		err = p.Verify(WorkspaceID(b32(t, in.Workspace)), unhex(t, in.SignKey))
	}
	if err != nil {
		return nil, err
	}
	a, b := &p.Branches[0].Headers[0], &p.Branches[1].Headers[0]
	return obj{"log": p.Log().String(), "seq": a.Seq, "first": hexIDs([]OpID{a.ID(), b.ID()})}, nil
}

func runLogID(t testing.TB, in given) (obj, error) {
	id := NewLogID(WorkspaceID(b32(t, in.Workspace)), ScopeID(b32(t, in.Scope)), unhex(t, in.SignKey), Class(in.Class),
		LogID(b16(t, in.Incarnation)).Incarnation())
	return obj{"log": id.String()}, nil
}

func runLogClass(t testing.TB, in given) (obj, error) {
	c, ok := ClassOfLog(WorkspaceID(b32(t, in.Workspace)), ScopeID(b32(t, in.Scope)), unhex(t, in.SignKey), LogID(b16(t, in.Log)))
	if !ok {
		return obj{"class": nil}, nil
	}
	return obj{"class": c}, nil
}

func runHeads(t testing.TB, in given) (obj, error) {
	return obj{"auth": HeadsDigest(manyIDs(t, in.IDs)).String()}, nil
}

func runWorkspace(t testing.TB, in given) (obj, error) {
	ws := WorkspaceIDOf(unhex(t, in.Bytes))
	return obj{"workspace": ws.String(), "access_scope": AccessScope(ws).String()}, nil
}

func runDevice(t testing.TB, in given) (obj, error) {
	return obj{"device": RefOf(ed25519.PublicKey(unhex(t, in.SignKey))).String()}, nil
}

func runSignKey(t testing.TB, in given) (obj, error) {
	return obj{}, CheckSignKey(unhex(t, in.SignKey))
}

func runHash(t testing.TB, in given) (obj, error) {
	var parts [][]byte
	for _, p := range in.Parts {
		parts = append(parts, unhex(t, p))
	}
	sum := Hash(in.Label, parts...)
	return obj{"hash": hex.EncodeToString(sum[:])}, nil
}

func runBranches(t testing.TB, in given) (obj, error) {
	return obj{"kept": hexIDs(KeepBranches(manyIDs(t, in.IDs)))}, nil
}

func runRedact(t testing.TB, in given) (obj, error) {
	r, err := ParseRedactBody(unhex(t, in.Bytes))
	if err != nil {
		return nil, err
	}
	targets := []obj{}
	for _, g := range r.Targets {
		targets = append(targets, obj{"id": g.ID.String(), "row": g.Row})
	}
	return obj{"targets": targets}, nil
}

func canonicalJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var again any
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	b, err = json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestVectors runs every file from its JSON alone.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Kind  string
			Input given
			Want  obj
		}
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if _, fails := v.Want["error"]; fails {
			failures++
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			got, want := canonicalJSON(t, outcome(t, v.Kind, v.Input)), canonicalJSON(t, v.Want)
			if got != want {
				t.Errorf("it comes to\n%s\nand should to\n%s", got, want)
			}
		})
	}
	if len(files) < 60 || 2*failures <= len(files) {
		t.Errorf("%d vectors, %d of them failures; want at least 60, over half of them failures", len(files), failures)
	}
}

// TestVectorsAreWhatTheGeneratorWrites keeps the files and their generator together: -update writes them.
func TestVectorsAreWhatTheGeneratorWrites(t *testing.T) {
	want := map[string][]byte{}
	for name, v := range generateVectors(t) {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		want[name+".json"] = buf.Bytes()
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := want[filepath.Base(file)]; ok {
			continue
		}
		if !*update {
			t.Errorf("%s is not the generator's", file)
		} else if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range want {
		file := filepath.Join(vectorDir, name)
		if *update {
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s differs from what the generator writes (%v)", file, err)
		}
	}
}
