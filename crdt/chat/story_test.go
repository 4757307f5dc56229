package chat_test

import (
	"strings"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/crdt/chat"
	"hallway/crdt/chat/chattest"
)

func at(minutes int) time.Time { return chattest.Start.Add(time.Duration(minutes) * time.Minute) }

func id(o chat.Opened) crdt.OpID { return o.Origin().ID }

func transcript(t *testing.T, f *chat.Fold, o *chattest.Office, scope crdt.ScopeID) string {
	t.Helper()
	var b strings.Builder
	if err := chat.Transcript(&b, f, scope, o.Name); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAConversationReadsAsItWasMeant(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob", "Emil")
	general := o.Channel("Ada", 1)
	ada, bob, emil := o.Pen("Ada", general, 1), o.Pen("Bob", general, 1), o.Pen("Emil", general, 1)
	f := chat.NewFold()
	add := func(op chat.Opened) chat.Opened {
		f.Add(op)
		return op
	}
	root := add(ada.Say(at(1), "lunch at noon?"))
	add(bob.Write(at(2), &chat.Message{Text: "yes\nwhere?", Thread: id(root)}, root))
	add(emil.Write(at(3), &chat.Message{Text: "the usual, @Bob", Thread: id(root), Broadcast: true,
		Mentions: []chat.Mention{{Start: 11, End: 15, Kind: chat.MentionUser, User: o.User("Bob")}}}))
	add(bob.Write(at(4), &chat.React{Target: id(root), Emoji: "👍"}))
	add(emil.Write(at(5), &chat.React{Target: id(root), Emoji: "👍"}))
	add(emil.Write(at(6), &chat.React{Target: id(root), Emoji: "🎉"}))
	add(bob.Write(at(7), &chat.React{Target: id(root), Emoji: "👍", Remove: true}))
	add(ada.Write(at(8), &chat.Edit{Target: id(root), Text: "lunch at one?"}))
	add(emil.Write(at(9), &chat.Edit{Target: id(root), Text: "Emil may not say this for Ada"}))
	add(bob.Write(at(10), &chat.Pin{Target: id(root)}))
	gone := add(bob.Say(at(11), "wrong channel, sorry"))
	add(bob.Redact(at(12), crdt.RedactTarget{ID: id(gone), Row: true}))
	want := `2026-03-02 09:01:00.000000 Ada: lunch at one? (edited 2026-03-02 09:08:00.000000) (pinned by Bob)
  👍 Emil
  🎉 Emil
  2 replies, last 2026-03-02 09:03:00.000000, by Emil, Bob
  > 2026-03-02 09:02:00.000000 Bob: yes
  >   | where?
  > 2026-03-02 09:03:00.000000 Emil: the usual, @Bob (also to channel)
  >   @ 11-15 1 Bob
2026-03-02 09:03:00.000000 Emil: the usual, @Bob (also to channel)
  @ 11-15 1 Bob
2026-03-02 09:11:00.000000 Bob: (deleted by Bob)
`
	if got := transcript(t, f, o, general); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOracle19_BackdatedIsUnreadAndLate(t *testing.T) {
	o := chattest.New(t, "Ada", "Emil")
	general := o.Channel("Ada", 1)
	ada, emil := o.Pen("Ada", general, 1), o.Pen("Emil", general, 1)
	f := chat.NewFold()
	said := ada.Say(at(60*24*40), "a month on")
	f.Add(said)
	read := chat.ReadState{Below: map[crdt.LogID]uint64{said.Origin().Log: 1}}
	slipped := emil.Say(at(60*24*10), "thirty days ago, says his clock")
	f.Add(slipped)
	if got := f.Channel(general); got[0].ID != id(slipped) {
		t.Fatal("it does not stand where its clock says")
	}
	unread := f.Unread(general, o.User("Ada"), read)
	if len(unread) != 1 || unread[0].ID != id(slipped) {
		t.Fatalf("unread: %+v", unread)
	}
	from := slipped.Origin()
	if !from.Late(crdt.HLCAt(at(60 * 24 * 40))) {
		t.Error("it is not called late")
	}
	if from.Late(crdt.HLCAt(at(60*24*10 + 59))) {
		t.Error("59 minutes are called late")
	}
}
