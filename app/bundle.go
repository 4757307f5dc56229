package app

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"hallway/app/internal/keyring"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p/catchup"
	"hallway/store/replica"

	"filippo.io/age"
)

// A bundle is an age file, to a person's key or a passphrase, that holds (protocol 7.11):
//
//	"hallway/bundle/v1\n" | workspace id 32
//	records: 1 | scope id 32 | uvarint length | segment (crdt SPEC 7)
//	0 at the end and nothing after it, so that a bundle that was cut is told from a whole one
//
// It is read by the same path as what the network brings.
const (
	bundleMagic   = "hallway/bundle/v1\n"
	bundleSegment = 1
	bundleEnd     = 0
	maxSegment    = 8 << 20 // bytes of one record
	bundleBatch   = 64      // segments ingested at a time
	bundleBytes   = 8 << 20 // or as many as have this many bytes
	maxBundleWork = 20      // scrypt's cost as a power of two: what opening a file that others made may take, a gigabyte
)

// BundleMake writes what this person can read, with the ops that it rests on, into a sealed file.
func (of *Office) BundleMake(ctx context.Context, req BundleMakeRequest) (BundleReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return BundleReply{}, err
	}
	to, reader, err := s.bundleRecipient(&req)
	if err != nil {
		return BundleReply{}, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(req.Path), ".hallway-bundle-*")
	if err != nil {
		return BundleReply{}, problem(ProblemInvalid, fmt.Sprintf("The folder of %s cannot be written to.", req.Path))
	}
	defer os.Remove(tmp.Name())
	out, err := s.writeBundle(ctx, tmp, to, reader)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return BundleReply{}, explain(err)
	}
	if err := os.Rename(tmp.Name(), req.Path); err != nil {
		return BundleReply{}, fmt.Errorf("put the bundle in its place: %w", err)
	}
	return out, nil
}

// bundleRecipient is whom a bundle is sealed to, and which person's rights bound what goes into it.
func (s *space) bundleRecipient(req *BundleMakeRequest) (age.Recipient, access.UserID, error) {
	if req.For == "" {
		if req.Passphrase == "" {
			return nil, s.self, problem(ProblemInvalid, "Say whom the bundle is for, or give a passphrase.")
		}
		r, err := age.NewScryptRecipient(req.Passphrase)
		return r, s.self, err
	}
	u, err := s.findMember(req.For)
	if err != nil {
		return nil, u, err
	}
	m, _ := s.access().Member(u)
	if m.Puk == nil {
		return nil, u, problem(ProblemUnavailable, "That person has no key to seal to just now; try again when their devices are in order.")
	}
	key := keyring.Recipient{X25519: m.Puk.Puk.Key.X25519, Hybrid: m.Puk.Puk.Key.Hybrid}
	r, err := key.Age(s.access().PQ())
	return r, u, err
}

func (s *space) writeBundle(ctx context.Context, f io.Writer, to age.Recipient, reader access.UserID) (BundleReply, error) {
	buf := bufio.NewWriter(f)
	w, err := age.Encrypt(buf, to)
	if err != nil {
		return BundleReply{}, fmt.Errorf("seal the bundle: %w", err)
	}
	head := append([]byte(bundleMagic), s.id[:]...)
	if _, err := w.Write(head); err != nil {
		return BundleReply{}, fmt.Errorf("write the bundle: %w", err)
	}
	var out BundleReply
	server := s.rep.Catchup()
	for _, scope := range server.Scopes() {
		if !s.access().MayRead(reader, scope.ID) || !s.access().MayRead(s.self, scope.ID) {
			continue
		}
		err := s.eachSegment(ctx, server, scope.ID, func(seg *crdt.Segment) error {
			b, err := seg.Append(nil)
			if err != nil {
				return err
			}
			out.Ops += len(seg.Ops)
			rec := append([]byte{bundleSegment}, scope.ID[:]...)
			rec = binary.AppendUvarint(rec, uint64(len(b)))
			_, err = w.Write(append(rec, b...))
			return err
		})
		if err != nil {
			return out, fmt.Errorf("write the bundle: %w", err)
		}
	}
	if _, err := w.Write([]byte{bundleEnd}); err != nil {
		return out, fmt.Errorf("write the bundle: %w", err)
	}
	return out, errors.Join(w.Close(), buf.Flush())
}

// eachSegment cuts all that is held of a scope: access logs first, then keys, then content.
func (s *space) eachSegment(ctx context.Context, server replica.Server, scope crdt.ScopeID, fn func(*crdt.Segment) error) error {
	entries, _ := server.Changed(scope, 0)
	for _, class := range []crdt.Class{crdt.ClassAccess, crdt.ClassKeys, crdt.ClassContent} {
		for _, e := range entries {
			if e.Class != class {
				continue
			}
			for _, span := range server.Held(scope, e.Log) {
				for from := span.From; from <= span.To; {
					if err := ctx.Err(); err != nil {
						return err
					}
					seg, err := server.Segment(scope, catchup.Cut{Log: e.Log, From: from, To: span.To, Bytes: 1 << 20})
					if err != nil {
						return err
					}
					if err := fn(seg); err != nil {
						return err
					}
					from = seg.Ops[len(seg.Ops)-1].Seq + 1
				}
			}
		}
	}
	return nil
}

// BundleApply reads a bundle. What is here already costs nothing; what comes twice adds nothing.
func (of *Office) BundleApply(ctx context.Context, req BundleApplyRequest) (BundleReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return BundleReply{}, err
	}
	f, err := os.Open(req.Path)
	if err != nil {
		return BundleReply{}, problem(ProblemNotFound, fmt.Sprintf("%s cannot be opened.", req.Path))
	}
	defer f.Close()
	ids, err := s.bundleIdentities(req.Passphrase)
	if err != nil {
		return BundleReply{}, err
	}
	r, err := age.Decrypt(bufio.NewReader(f), ids...)
	if err != nil {
		return BundleReply{}, problem(ProblemInvalid, "This bundle is not sealed for you, or its passphrase is another; nothing was taken in.")
	}
	out, err := s.readBundle(ctx, bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return out, explain(err)
	}
	if node := s.net.running(); node != nil {
		node.Reconcile()
	}
	return out, explain(s.reader.caughtUp(ctx))
}

func (s *space) bundleIdentities(passphrase string) ([]age.Identity, error) {
	if passphrase != "" {
		id, err := age.NewScryptIdentity(passphrase)
		if err != nil {
			return nil, err
		}
		id.SetMaxWorkFactor(maxBundleWork)
		return []age.Identity{id}, nil
	}
	var out []age.Identity
	for _, p := range s.ring.PUKs() {
		id, err := p.Identity.Age(s.access().PQ())
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

var errBundle = problem(ProblemDamaged, "The bundle is damaged or was cut; what came before the damage was taken in, get it again for the rest.")

func (s *space) readBundle(ctx context.Context, r *bufio.Reader) (BundleReply, error) {
	var out BundleReply
	head := make([]byte, len(bundleMagic)+len(s.id))
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(bundleMagic)]) != bundleMagic {
		return out, errBundle
	}
	if crdt.WorkspaceID(head[len(bundleMagic):]) != s.id {
		return out, problem(ProblemInvalid, "This bundle is of another workspace; nothing was taken in.")
	}
	b := &bundleReader{s: s, out: &out}
	for {
		kind, err := r.ReadByte()
		if err == nil && kind == bundleEnd {
			if err = b.flush(ctx); err != nil {
				return out, err
			}
			if _, err = r.ReadByte(); err != io.EOF {
				return out, errBundle
			}
			return out, nil
		}
		if err != nil || kind != bundleSegment {
			return out, errors.Join(b.flush(ctx), errBundle)
		}
		scope, seg, size, err := readSegment(r)
		if err != nil {
			return out, errors.Join(b.flush(ctx), errBundle)
		}
		if err := b.add(ctx, scope, seg, size); err != nil {
			return out, err
		}
	}
}

func readSegment(r *bufio.Reader) (scope crdt.ScopeID, seg *crdt.Segment, size int, err error) {
	if _, err = io.ReadFull(r, scope[:]); err != nil {
		return scope, nil, 0, err
	}
	n, err := readLength(r)
	if err != nil {
		return scope, nil, 0, err
	}
	raw := make([]byte, n)
	if _, err = io.ReadFull(r, raw); err != nil {
		return scope, nil, 0, err
	}
	seg, err = crdt.ParseSegment(raw)
	return scope, seg, len(raw), err
}

// readLength is a minimal uvarint of at most maxSegment.
func readLength(r io.ByteReader) (n uint64, err error) {
	for shift := 0; n <= maxSegment; shift += 7 {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if n > maxSegment || c == 0 && shift > 0 {
				break
			}
			return n, nil
		}
		if shift == 21 {
			break // more than four bytes are over the limit, or not the shortest
		}
	}
	return 0, errBundle
}

// bundleReader gathers segments of one scope into batches.
type bundleReader struct {
	s     *space
	out   *BundleReply
	scope crdt.ScopeID
	segs  []*crdt.Segment
	bytes int // of segs
}

func (b *bundleReader) add(ctx context.Context, scope crdt.ScopeID, seg *crdt.Segment, size int) error {
	if len(b.segs) == bundleBatch || b.bytes+size > bundleBytes || scope != b.scope {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	b.scope, b.segs, b.bytes = scope, append(b.segs, seg), b.bytes+size
	return nil
}

// flush takes a batch in. A scope that this device does not hold yet may be told of by a notice that came just before.
func (b *bundleReader) flush(ctx context.Context) error {
	if len(b.segs) == 0 {
		return nil
	}
	segs := b.segs
	b.segs, b.bytes = nil, 0
	if !b.s.rep.HoldsScope(b.scope) {
		if err := b.s.reader.caughtUp(ctx); err != nil {
			return err
		}
		if !b.s.rep.HoldsScope(b.scope) {
			return nil // not for this person
		}
	}
	got, err := b.s.rep.Ingest(ctx, replica.Source{Way: replica.ByBundle, Peer: "bundle"}, b.scope, segs)
	b.out.Ops += got.New
	b.out.Gaps += len(got.Loose)
	if err != nil {
		return err
	}
	if err := got.Fault(); err != nil {
		return errBundle
	}
	return nil
}
