package seal

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

func (g *generator) files() {
	s := g.sealer()
	s.rand = fixed("file key")
	var chunk []byte
	m, err := s.SealFile(strings.NewReader("a file that is small\n"), func(_ ChunkID, c []byte) error {
		chunk = bytes.Clone(c)
		return nil
	})
	g.must(err)
	bad := m
	bad.top = append(bad.top, s32("another"))
	g.body("manifest", m.Append(nil), map[string][]byte{"with_an_id_too_many": bad.Append(nil)})
	big := Manifest{Size: 257 * ChunkSize, key: s32("file"), top: []ChunkID{s32("index")}}
	out, err := runManifest(asker{g.t, obj{"bytes": hx(big.Append(nil))}})
	g.must(err)
	g.add("manifest_that_names_an_index", "manifest", "257 chunks", obj{"bytes": hx(big.Append(nil))}, out)
	in := obj{"manifest": hx(m.Append(nil)), "chunk": hx(chunk)}
	g.add("file", "file", "one chunk, padded from 21 to 22 bytes", in, obj{"content": hx([]byte("a file that is small\n"))})
	g.add("file_changed", "file", "", with(in, "chunk", flipped(chunk, 0)), fails("forged"))
	st, err := newStream(m.key.Derive("hallway/file-data/v1"))
	g.must(err)
	id, c := st.seal(1, true, []byte("a file that is small\n"))
	g.add("file_of_a_chunk_from_another_place", "file", "named by the manifest, but sealed as the second chunk",
		obj{"manifest": hx((&Manifest{Size: m.Size, key: m.key, top: []ChunkID{id}}).Append(nil)), "chunk": hx(c)}, fails("forged"))
}

func (g *generator) identity(label string) (keyring.Identity, keyring.Recipient) {
	id, err := keyring.NewIdentity(fixed(label))
	g.must(err)
	r, err := id.Recipient()
	g.must(err)
	return id, r
}

func (g *generator) wraps() {
	id, to := g.identity("ada")
	other, also := g.identity("bob")
	content := secrets{{crdt.EpochID{1}, s32("secret a")}}.append(nil)
	for name, pq := range map[string]bool{"": false, "_post_quantum": true} {
		file, err := wrap(kindPart, pq, content, also, to)
		g.must(err)
		in := obj{"label": kindPart, "post_quantum": pq, "file": hx(file), "identity": hx(id.Secrets())}
		g.add("wrap"+name, "wrap", "a part for two", in, obj{"content": hx(content)})
		g.add("wrap_taken_for_another_kind"+name, "wrap", "", with(in, "label", kindGrant), fails("wrap"))
		g.add("wrap_of_the_other_sort"+name, "wrap", "a workspace has one sort of recipients", with(in, "post_quantum", !pq), fails("mixed"))
	}
	file, err := wrap(kindPart, false, content, to)
	g.must(err)
	g.add("wrap_for_somebody_else", "wrap", "", obj{"label": kindPart, "post_quantum": false, "file": hx(file), "identity": hx(other.Secrets())}, fails("not-mine"))
	puk, err := WrapPUK(false, keyring.PUK{Gen: 7, Identity: other}, to)
	g.must(err)
	g.add("wrap_of_a_puk", "wrap", "generation 7", obj{"label": kindPUK, "post_quantum": false, "file": hx(puk), "identity": hx(id.Secrets())},
		obj{"content": "00000007" + hx(other.Secrets())})
}

const examplePhrase = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon " +
	"abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art"

func (g *generator) rings() {
	out, err := runPhrase(asker{g.t, obj{"words": examplePhrase}})
	g.must(err)
	g.add("phrase", "phrase", "32 zero bytes", obj{"words": examplePhrase}, out)
	g.add("phrase_mistyped", "phrase", "the checksum does not fit", obj{"words": strings.Replace(examplePhrase, " art", " abandon", 1)}, fails("phrase"))

	wk, err := keyring.NewWorkspaceKey(fixed("workspace key"))
	g.must(err)
	ws := crdt.WorkspaceID(s32("workspace"))
	g.add("kit", "kit", "", obj{"text": wk.Kit(ws, "Acme")}, obj{"workspace": ws.String(), "sign_key": hx(publicKey(wk.Sign()))})
	g.add("kit_without_an_id", "kit", "", obj{"text": strings.ReplaceAll(wk.Kit(ws, "Acme"), "Id:", "id")}, fails("phrase"))
	g.ringFile(ws)
}

func (g *generator) ringFile(ws crdt.WorkspaceID) {
	dir, err := os.MkdirTemp("", "ring")
	g.must(err)
	defer os.RemoveAll(dir)
	r, err := keyring.New(fixed("ring"))
	g.must(err)
	g.must(r.Bind(ws, s16("user")))
	g.must(r.SetExtra("note", []byte("kept")))
	key := filepath.Join(dir, "keyfile")
	g.must(os.WriteFile(key, []byte(hex.EncodeToString(seeded("key file", 32))), 0o600))
	g.must(keyring.Create(dir, keyring.KeyFile(key), r))
	b, err := os.ReadFile(filepath.Join(dir, keyring.FileName))
	g.must(err)
	in := obj{"keyfile": hx(seeded("key file", 32)), "file": hx(b)}
	g.add("ring", "ring", "locked with a key file", in, ringFields(r))
	g.add("ring_changed", "ring", "", with(in, "file", flipped(b, -1)), fails("damaged"))
	g.add("ring_of_another_key", "ring", "", with(in, "keyfile", hx(seeded("other", 32))), fails("wrong-key"))
}
