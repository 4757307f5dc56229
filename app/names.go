package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"context"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
)

// profile is what a person says of themselves, sealed under the workspace epoch in a Profile op. Fields may be added;
// a reader keeps those that it does not know out of sight.
type profile struct {
	Name   string `json:"name"`
	Title  string `json:"title,omitempty"`
	Team   string `json:"team,omitempty"`
	Status string `json:"status,omitempty"`
	Device string `json:"device,omitempty"` // name of the device that wrote it
}

// names knows who and what is called how. Opened profiles are kept by the op that carries them, and other opened texts
// by their ciphertext, so that each is opened once.
type names struct {
	s  *space
	mu sync.Mutex
	by map[crdt.OpID]profile

	textMu sync.Mutex
	texts  map[textKey]string
}

// textKey is all that the opening of a text depends on.
type textKey struct {
	scope crdt.ScopeID
	epoch crdt.EpochID
	field seal.Field
	box   string
}

// maxTexts bounds the texts that are kept; more are opened again.
const maxTexts = 4096

func newNames(s *space) *names {
	return &names{s: s, by: map[crdt.OpID]profile{}, texts: map[textKey]string{}}
}

// unseal opens a text, and knows it from then on.
func (n *names) unseal(scope crdt.ScopeID, f seal.Field, x access.Sealed) (text string, ok bool) {
	key := textKey{scope, x.Epoch, f, string(x.Box)}
	n.textMu.Lock()
	defer n.textMu.Unlock()
	if text, ok = n.texts[key]; ok {
		return text, true
	}
	b, err := n.s.seal.OpenField(scope, x.Epoch, f, x.Box)
	if err != nil {
		return "", false
	}
	if len(n.texts) >= maxTexts {
		clear(n.texts)
	}
	text = string(b)
	if f != seal.FieldProfile { // whose parts are looked at one by one
		text = oneLine(text, maxLine)
	}
	n.texts[key] = text
	return text, true
}

// maxLine is the most bytes of a name, title or topic that are shown. Whoever writes one with a program of his own may
// have left every check of ours out.
const maxLine = 1024

// oneLine is what others wrote as it may stand in a line among lines of ours: nothing that breaks the line, is not shown
// or turns the text around, and at most limit bytes.
func oneLine(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case hiddenRune(r) && r != '\u200c' && r != '\u200d': // which join letters and emoji
			return -1
		}
		return r
	}, clip(strings.ToValidUTF8(text, ""), limit))
	return strings.TrimSpace(text)
}

// profile is what a person says of themselves; what they were called when they came, where their own profile cannot be
// opened yet.
func (n *names) profile(u access.UserID) profile {
	m, ok := n.s.access().Member(u)
	if !ok {
		return profile{Name: "Somebody (" + u.String()[:6] + ")"}
	}
	return n.of(&m)
}

func (n *names) of(m *access.MemberInfo) profile {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p, ok := n.by[m.ProfileBy]; ok && !m.ProfileBy.IsZero() {
		return p
	}
	if text, ok := n.s.unseal(n.s.scope(), seal.FieldProfile, m.Profile); ok && text != "" {
		var p profile
		if json.Unmarshal([]byte(text), &p) == nil {
			if name, err := personName("A name", p.Name); err == nil {
				p.Name = name
				for _, text := range []*string{&p.Title, &p.Team, &p.Status, &p.Device} {
					*text = oneLine(*text, maxLine)
				}
				n.by[m.ProfileBy] = p
				return p
			}
		}
	}
	if m.User == n.s.self {
		if as := n.s.ring.Extra(extraPerson); as != nil {
			return profile{Name: string(as)}
		}
	}
	return profile{Name: "Newcomer (" + m.User.String()[:6] + ")"}
}

// name is what a person is called.
func (n *names) name(u access.UserID) string { return n.profile(u).Name }

func (n *names) person(u access.UserID) *Person {
	if u.IsZero() {
		return nil
	}
	return &Person{ID: u.String(), Name: n.name(u)}
}

// device is what a device is called: its person's name for it where the profile came from it, else by its reference.
func (n *names) device(d *access.Device) string {
	if d.Ref == n.s.device {
		if name := n.s.ring.Extra(extraDeviceName); name != nil {
			return string(name)
		}
	}
	if p := n.profile(d.User); p.Device != "" {
		return p.Device
	}
	return "Computer " + d.Ref.String()[:6]
}

// writeProfile writes this person's profile.
func (s *space) writeProfile(ctx context.Context, p profile) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	sealed, err := s.sealed(ctx, s.scope(), seal.FieldProfile, text)
	if err != nil {
		return err
	}
	return s.writeBody(ctx, s.scope(), &access.Profile{Sealed: sealed})
}

// setWorkspaceName names the workspace.
func (s *space) setWorkspaceName(ctx context.Context, name string) error {
	sealed, err := s.sealed(ctx, s.scope(), seal.FieldWorkspaceName, []byte(name))
	if err != nil {
		return err
	}
	role, _ := s.access().Role(s.self)
	return s.writeBody(ctx, s.scope(), &access.Policy{Rank: role, Key: access.PolicyName, Value: sealed.Append(nil)})
}

// name is what the workspace is called: by its policy, or by the invitation until that can be opened.
func (s *space) name() string {
	if v := s.access().Policy(access.PolicyName); v != nil {
		if sealed, err := access.ParseSealed(v); err == nil {
			if text, ok := s.unseal(s.scope(), seal.FieldWorkspaceName, sealed); ok && text != "" {
				return text
			}
		}
	}
	if name := s.ring.Extra(extraWorkspace); name != nil {
		return string(name)
	}
	return "Workspace " + s.idText()[:6]
}

// findMember finds a person by id or name, with or without @. Several that fit are an ambiguity.
func (s *space) findMember(text string) (access.UserID, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "@")
	if id, err := access.ParseUserID(text); err == nil {
		if _, ok := s.access().Member(id); ok {
			return id, nil
		}
	}
	var exact, loose []access.UserID
	for _, m := range s.access().Members() {
		name := s.names.of(&m).Name
		switch {
		case name == text:
			exact = append(exact, m.User)
		case strings.EqualFold(name, text) || strings.EqualFold(firstWord(name), text):
			loose = append(loose, m.User)
		}
	}
	if len(exact) == 0 {
		exact = loose
	}
	return oneOf(exact, access.UserID.String, fmt.Sprintf("There is nobody called %q here.", text), fmt.Sprintf("Several people are called %q; name one by its id.", text))
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}

// oneOf is the only one found, or says that there is none or several.
func oneOf[T any](found []T, id func(T) string, none, several string) (T, error) {
	var zero T
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return zero, problem(ProblemNotFound, none)
	}
	p := problem(ProblemAmbiguous, several)
	for _, f := range found {
		p.Candidates = append(p.Candidates, id(f))
	}
	slices.Sort(p.Candidates)
	return zero, p
}
