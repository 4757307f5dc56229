package access

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"hallway/crdt"
)

// LinkPrefix starts every invitation link. What follows the # is never sent to a server.
const LinkPrefix = "hallway://join/#"

// Limits of a link.
const (
	MaxLink      = 4 << 10 // characters
	MaxLinkAddrs = 16
	MaxLinkAddr  = 256 // bytes of one address
	MaxLinkName  = 128 // bytes of a name
)

// Errors of ParseLink and Link.Open.
var (
	ErrLinkWrong   = errors.New("not an invitation link, or mistyped")
	ErrLinkVersion = errors.New("invitation link of a newer Hallway")
	ErrLinkExpired = errors.New("invitation has expired")
)

// Link is what an invitation gives to the one invited. Whoever has it can join, so it is a secret: printed or
// logged it does not show the seed; Text does.
type Link struct {
	Workspace     crdt.WorkspaceID
	Invite        InviteID
	Seed          [ed25519.SeedSize]byte
	Expires       crdt.HLC // zero means never
	WorkspaceName string   // hints, to be shown before anything could be checked
	InviterName   string
	Addresses     []string // multiaddrs at which members may be met
	Relay         bool     // one of the addresses is a relay
}

// NewLink is the link for an invitation made with this seed.
func NewLink(ws crdt.WorkspaceID, seed [ed25519.SeedSize]byte, expires crdt.HLC) Link {
	l := Link{Workspace: ws, Seed: seed, Expires: expires}
	l.Invite = InviteIDOf(ws, l.Key().Public().(ed25519.PublicKey))
	return l
}

// Key is the invitation's private key.
func (l *Link) Key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(l.Seed[:]) }

// String names the link without giving it away.
func (l Link) String() string { return "invitation " + l.Invite.String() }

// GoString names the link without giving it away.
func (l Link) GoString() string { return l.String() }

// LogValue names the link without giving it away.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.String()) }

func (l *Link) walk(c *codec) {
	c.fixed(l.Workspace[:])
	c.fixed(l.Invite[:])
	c.fixed(l.Seed[:])
	c.hlc(&l.Expires)
	c.text(&l.WorkspaceName, MaxLinkName)
	c.text(&l.InviterName, MaxLinkName)
	c.flag(&l.Relay)
	list(c, &l.Addresses, MaxLinkAddrs, 1, func(c *codec, a *string) { c.text(a, MaxLinkAddr) })
}

const (
	linkVersion = 1
	linkSum     = 6 // bytes of checksum: a slip of the keyboard passes once in 2^48
)

// Text is the link as it is handed over. It fails where a field is over its limit.
func (l *Link) Text() (string, error) {
	b := encode([]byte{linkVersion}, l.walk)
	sum := crdt.Hash("hallway/link/v1", b)
	text := LinkPrefix + base64.RawURLEncoding.EncodeToString(append(b, sum[:linkSum]...))
	if _, err := ParseLink(text); err != nil {
		return "", fmt.Errorf("write link: %w", err)
	}
	return text, nil
}

// ParseLink reads a link as a person pasted it: space around it is ignored. A link that was mistyped or cut is
// ErrLinkWrong, never some other, unknown invitation.
func ParseLink(text string) (Link, error) {
	text = strings.TrimSpace(text)
	body, ok := strings.CutPrefix(text, LinkPrefix)
	if !ok || len(text) > MaxLink {
		return Link{}, fmt.Errorf("read link: %w", ErrLinkWrong)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(b) < 1+linkSum {
		return Link{}, fmt.Errorf("read link: %w", ErrLinkWrong)
	}
	b, sum := b[:len(b)-linkSum], b[len(b)-linkSum:]
	if want := crdt.Hash("hallway/link/v1", b); string(sum) != string(want[:linkSum]) {
		return Link{}, fmt.Errorf("read link: %w", ErrLinkWrong)
	}
	if b[0] != linkVersion {
		return Link{}, fmt.Errorf("read link: %w", ErrLinkVersion)
	}
	var l Link
	if err := decode("link", b[1:], l.walk); err != nil {
		return Link{}, fmt.Errorf("%w: %w", ErrLinkWrong, err)
	}
	if l.Invite != InviteIDOf(l.Workspace, l.Key().Public().(ed25519.PublicKey)) {
		return Link{}, fmt.Errorf("read link: seed and invitation do not agree: %w", ErrLinkWrong)
	}
	return l, nil
}

// CheckTime is ErrLinkExpired where the link can no longer be used at now.
func (l *Link) CheckTime(now time.Time) error {
	if l.Expires != 0 && crdt.HLCAt(now) > l.Expires {
		return ErrLinkExpired
	}
	return nil
}
