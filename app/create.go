package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"hallway/app/internal/keyring"
	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store/replica"
)

func publicKey(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// extras of the keyring that app keeps.
const (
	extraDeviceName = "device-name"
	extraPerson     = "person-name" // as typed when starting or joining, until the profile op is written
	extraWorkspace  = "workspace-name"
	extraJoin       = "join"         // the invitation that is being taken
	extraInvite     = "invite-link/" // + invitation's id: the link, on the device that made it
)

// generalName is the channel that every workspace begins with.
const generalName = "general"

// Create starts a workspace with #general; this device is its first owner. A crash leaves either nothing or all of it.
func (of *Office) Create(ctx context.Context, req CreateRequest) (CreateReply, error) {
	name, err := personName("A workspace's name", req.Name)
	if err != nil {
		return CreateReply{}, err
	}
	as, err := personName("Your name", req.As)
	if err != nil {
		return CreateReply{}, err
	}
	ring, err := keyring.New(of.o.Rand)
	if err != nil {
		return CreateReply{}, err
	}
	wk, err := ring.MakeWorkspaceKey(of.o.Rand)
	if err != nil {
		return CreateReply{}, err
	}
	who, err := seal.NewComer(ring, usePQ, crdt.HLCAt(of.o.Clock()), 0)
	if err != nil {
		return CreateReply{}, err
	}
	var salt [32]byte
	if _, err := io.ReadFull(of.o.Rand, salt[:]); err != nil {
		return CreateReply{}, err
	}
	genesis := access.NewGenesis(salt, usePQ, wk.Sign(), who)
	payload := genesis.Append(nil)
	s, err := of.newSpace(ctx, ring, crdt.WorkspaceIDOf(payload), newSpaceOptions{
		name: name, as: as, device: req.Device, protection: req.Protection, passphrase: req.Passphrase,
		begin: func(ctx context.Context, s *space) error { return s.found(ctx, payload, name, as) },
	})
	if err != nil {
		return CreateReply{}, explain(err)
	}
	rk, _ := ring.Recovery()
	return CreateReply{
		Workspace: s.idText(), Name: name, Member: s.self.String(), Device: s.device.String(),
		Recovery: strings.Fields(rk.Phrase()), Kit: wk.Words(),
	}, nil
}

// usePQ is the setting of new workspaces: every wrap is hybrid post-quantum (protocol 6.2).
const usePQ = true

type newSpaceOptions struct {
	name, as, device string
	protection       Protection
	passphrase       string
	join             []byte // of a join: what goes on until the admission is here
	begin            func(context.Context, *space) error
}

// newSpace makes a workspace's folder: first aside, with everything that it begins with, then at its place by one
// rename.
func (of *Office) newSpace(ctx context.Context, ring *keyring.Ring, ws crdt.WorkspaceID, o newSpaceOptions) (*space, error) {
	if of.byID(ws) != nil {
		return nil, problem(ProblemExists, "This workspace is on this computer already.")
	}
	folder := ws.String()[:32]
	master, _, err := of.newMaster(folder, o.protection, o.passphrase)
	if err != nil {
		return nil, err
	}
	rk, _ := ring.Recovery()
	user := access.UserIDOf(ws, publicKey(rk.Sign()))
	if err := ring.Bind(ws, user); err != nil {
		return nil, err
	}
	device := o.device
	if device == "" {
		device = hostName()
	}
	for name, value := range map[string]string{extraDeviceName: device, extraPerson: o.as, extraWorkspace: o.name, extraJoin: string(o.join)} {
		if value == "" {
			continue
		}
		if err := ring.SetExtra(name, []byte(value)); err != nil {
			return nil, err
		}
	}
	root := filepath.Join(of.o.Dir, workspacesDir)
	aside, err := os.MkdirTemp(root, ".new-")
	if err != nil {
		return nil, fmt.Errorf("make the workspace's folder: %w", err)
	}
	defer os.RemoveAll(aside)
	if err := keyring.Create(aside, master, ring); err != nil {
		return nil, err
	}
	if o.begin != nil {
		if err := of.beginAside(ctx, aside, o.begin); err != nil {
			return nil, err
		}
	}
	place := filepath.Join(root, folder)
	if err := os.Rename(aside, place); err != nil {
		return nil, fmt.Errorf("put the workspace's folder in its place: %w", err)
	}
	s, err := openSpace(ctx, of, place)
	if err != nil {
		return nil, err
	}
	of.add(s)
	return s, nil
}

func (of *Office) beginAside(ctx context.Context, dir string, begin func(context.Context, *space) error) error {
	s, err := openSpace(ctx, of, dir)
	if err != nil {
		return err
	}
	return errors.Join(begin(ctx, s), s.close())
}

// found writes what a workspace begins with: its genesis, the first epoch, its name, the founder's profile, #general.
func (s *space) found(ctx context.Context, genesis []byte, name, as string) error {
	if err := s.write(ctx, s.scope(), crdt.TypeGenesis, func(crdt.Header) ([]byte, error) { return genesis, nil }); err != nil {
		return err
	}
	if err := s.keys.mint(ctx, s.scope()); err != nil {
		return err
	}
	if err := s.setWorkspaceName(ctx, name); err != nil {
		return err
	}
	if err := s.writeProfile(ctx, profile{Name: as, Device: string(s.ring.Extra(extraDeviceName))}); err != nil {
		return err
	}
	_, err := s.createPublic(ctx, generalName, "")
	return err
}

// write writes one op; body makes its payload.
func (s *space) write(ctx context.Context, scope crdt.ScopeID, typ crdt.Type, body func(crdt.Header) ([]byte, error)) error {
	_, err := s.rep.Write(ctx, scope, replica.Draft{Type: typ, Build: body})
	return err
}

// writeBody writes one access op.
func (s *space) writeBody(ctx context.Context, scope crdt.ScopeID, b access.Body) error {
	return s.write(ctx, scope, b.Type(), func(crdt.Header) ([]byte, error) { return b.Append(nil), nil })
}

// sealed is text sealed into a clear access body, under the epoch that may be sent under now.
func (s *space) sealed(ctx context.Context, scope crdt.ScopeID, f seal.Field, text []byte) (access.Sealed, error) {
	return s.sealedAs(ctx, scope, scope, f, text)
}

// sealedAs is sealed for a scope that is not there yet, under the epoch of another that will be its key scope.
func (s *space) sealedAs(ctx context.Context, scope, under crdt.ScopeID, f seal.Field, text []byte) (access.Sealed, error) {
	if len(text) == 0 {
		return access.Sealed{}, nil
	}
	epoch, err := s.keys.toSend(ctx, under)
	if err != nil {
		return access.Sealed{}, err
	}
	v := s.sealView()
	box, err := s.seal.SealFieldFor(v, v.KeyScope(under), scope, epoch, f, text)
	if err != nil {
		return access.Sealed{}, err
	}
	return access.Sealed{Epoch: epoch, Box: box}, nil
}

// unseal opens what sealed made; ok is false where its key is not here.
func (s *space) unseal(scope crdt.ScopeID, f seal.Field, x access.Sealed) (text string, ok bool) {
	if x.IsZero() {
		return "", true
	}
	return s.names.unseal(scope, f, x)
}
