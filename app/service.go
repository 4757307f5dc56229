// Package app holds the Office: the commands, queries and events of one
// device's copy of its workspaces. Service is the one API of the window, the
// browser and the command line.
package app

import (
	"context"
	"io"
)

// Service is everything that a face of Hallway can ask. The HTTP handler
// serves each method as POST /rpc/{Method}; TypeScript types are generated
// from it. Every method may be called from several goroutines at once, gives up when ctx ends,
// and reports what a person should hear as *Problem.
type Service interface {
	// This machine, its workspaces, coming in.
	Start(context.Context, StartRequest) (StartReply, error)
	Unlock(context.Context, UnlockRequest) (StartReply, error)
	Create(context.Context, CreateRequest) (CreateReply, error)
	PreviewInvite(context.Context, PreviewInviteRequest) (PreviewInviteReply, error)
	Join(context.Context, JoinRequest) (JoinReply, error)
	JoinStatus(context.Context, JoinStatusRequest) (JoinStatusReply, error)
	CancelJoin(context.Context, JoinStatusRequest) (Done, error)
	RecoverySheet(context.Context, RecoverySheetRequest) (RecoverySheetReply, error)
	KeepRecovery(context.Context, RecoverySheetRequest) (Done, error)
	Settings(context.Context, SettingsRequest) (Settings, error)
	SetSettings(context.Context, Settings) (Settings, error)

	// Channels.
	Channels(context.Context, ChannelsRequest) (ChannelsReply, error)
	CreateChannel(context.Context, CreateChannelRequest) (Channel, error)
	OpenDirect(context.Context, OpenDirectRequest) (Channel, error)
	SetTopic(context.Context, SetTopicRequest) (Channel, error)
	JoinChannel(context.Context, ChannelRequest) (Channel, error)
	LeaveChannel(context.Context, ChannelRequest) (Done, error)
	ArchiveChannel(context.Context, ChannelRequest) (Done, error)
	ChannelMembers(context.Context, ChannelRequest) (MembersReply, error)
	AddToChannel(context.Context, ChannelMemberRequest) (Done, error)
	RemoveFromChannel(context.Context, ChannelMemberRequest) (Done, error)

	// Messages.
	History(context.Context, HistoryRequest) (HistoryReply, error)
	Thread(context.Context, ThreadRequest) (ThreadReply, error)
	Activity(context.Context, ActivityRequest) (ActivityReply, error)
	Send(context.Context, SendRequest) (SendReply, error)
	Edit(context.Context, EditRequest) (MessageReply, error)
	Delete(context.Context, MessageRequest) (MessageReply, error)
	React(context.Context, ReactRequest) (MessageReply, error)
	Pin(context.Context, MessageRequest) (MessageReply, error)
	Unpin(context.Context, MessageRequest) (MessageReply, error)
	Pins(context.Context, ChannelRequest) (PinsReply, error)
	MarkRead(context.Context, MarkRequest) (MarkReply, error)
	MarkUnread(context.Context, MarkRequest) (MarkReply, error)
	SetPlace(context.Context, SetPlaceRequest) (Done, error)
	Drafts(context.Context, DraftsRequest) (DraftsReply, error)
	SetDraft(context.Context, SetDraftRequest) (Done, error)
	Typing(context.Context, TypingRequest) (Done, error)
	Search(context.Context, SearchRequest) (SearchReply, error)
	WhoHas(context.Context, MessageRequest) (WhoHasReply, error)

	// People and what they may do.
	Members(context.Context, MembersRequest) (MembersReply, error)
	Member(context.Context, MemberRequest) (MemberReply, error)
	RemoveMember(context.Context, MemberRequest) (Done, error)
	SetRole(context.Context, SetRoleRequest) (Done, error)
	Profile(context.Context, ProfileRequest) (Profile, error)
	SetProfile(context.Context, SetProfileRequest) (Profile, error)
	Devices(context.Context, DevicesRequest) (DevicesReply, error)
	Invite(context.Context, InviteRequest) (InviteReply, error)
	Invites(context.Context, InvitesRequest) (InvitesReply, error)
	RevokeInvite(context.Context, IDRequest) (Done, error)
	Requests(context.Context, RequestsRequest) (RequestsReply, error)
	Approve(context.Context, IDRequest) (Done, error)
	Deny(context.Context, IDRequest) (Done, error)
	Audit(context.Context, AuditRequest) (AuditReply, error)

	// The network and how complete this copy is.
	Status(context.Context, StatusRequest) (StatusReply, error)
	Network(context.Context, NetworkRequest) (NetworkReply, error)
	Retry(context.Context, RetryRequest) (Done, error)
	Completeness(context.Context, ChannelRequest) (CompletenessReply, error)
	Doctor(context.Context, DoctorRequest) (DoctorReply, error)

	// Histories in and out.
	Import(context.Context, ImportRequest) (Job, error)
	Export(context.Context, ExportRequest) (Job, error)
	Job(context.Context, IDRequest) (Job, error)
	BundleMake(context.Context, BundleMakeRequest) (BundleReply, error)
	BundleApply(context.Context, BundleApplyRequest) (BundleReply, error)
	RebuildView(context.Context, RebuildViewRequest) (Job, error)
}

// Feed is how a face hears what happens, over a WebSocket in a browser and
// over Wails events in the window.
type Feed interface {
	// Subscribe gives the events after since in order. Where they are no
	// longer kept, and for since 0, the first event is of kind EventReset and carries the
	// current Seq: the subscriber then reads afresh what it shows. The
	// channel is closed when ctx ends or when the subscriber is so slow that
	// events would be lost; it then subscribes again from the last Seq it saw.
	Subscribe(ctx context.Context, since uint64) (<-chan Event, error)
}

// Files moves the bytes of attachments: GET /file/{id}?workspace=ID and
// POST /file?workspace=ID (raw body, the name percent-encoded in X-File-Name).
type Files interface {
	// OpenFile gives an attachment or an upload not yet sent. The caller closes Body. ctx ends the
	// fetch of what is not here yet.
	OpenFile(ctx context.Context, r FileRequest) (FileContent, error)
	// AddFile seals body into the blob store and answers an id for
	// SendRequest.Files or ImportRequest.File. An upload that no message takes is dropped after a day.
	AddFile(ctx context.Context, r AddFileRequest, body io.Reader) (File, error)
}

// FileContent is an open attachment.
type FileContent struct {
	File File
	Body io.ReadSeekCloser
}

// In names the workspace that a request is about, by id or name. Empty means
// the only one, or the one that the window had open last.
type In struct {
	Workspace string `json:"workspace,omitempty"`
}

// Done is the reply of a command that has nothing to tell.
type Done struct{}

// IDRequest names one invitation, join request or job.
type IDRequest struct {
	In
	ID string `json:"id"`
}

// Problem is what a person is told when something could not be done: one
// clear sentence that says what to do, and a kind for programs.
type Problem struct {
	Kind     ProblemKind `json:"kind"`
	Sentence string      `json:"sentence"`
	// Candidates are the ids that an ambiguous name fits, else empty.
	Candidates []string `json:"candidates,omitempty"`
}

// Error answers the sentence, so that a Problem can travel as an error.
func (p *Problem) Error() string { return p.Sentence }

// ProblemKind sorts problems for programs.
type ProblemKind string

// The kinds of problem.
const (
	ProblemInvalid      ProblemKind = "invalid"      // the request makes no sense as written
	ProblemUnauthorized ProblemKind = "unauthorized" // no valid session with this node
	ProblemNotFound     ProblemKind = "not_found"    // no such channel, person, message, file
	ProblemAmbiguous    ProblemKind = "ambiguous"    // a name fits several; see Candidates
	ProblemForbidden    ProblemKind = "forbidden"    // this person may not do that
	ProblemExists       ProblemKind = "exists"       // it is already here
	ProblemTooLarge     ProblemKind = "too_large"    // over a size limit
	ProblemExpired      ProblemKind = "expired"      // an invitation past its time
	ProblemUsedUp       ProblemKind = "used_up"      // an invitation used as often as it may be
	ProblemLocked       ProblemKind = "locked"       // secrets need the passphrase or keychain
	ProblemBusy         ProblemKind = "busy"         // another process holds the data directory
	ProblemUnavailable  ProblemKind = "unavailable"  // nobody reachable has it now
	ProblemTimeout      ProblemKind = "timeout"      // not finished in the time given; it goes on
	ProblemDiskFull     ProblemKind = "disk_full"    // no room to write
	ProblemDamaged      ProblemKind = "damaged"      // a file of the store or of an import cannot be read
	ProblemNewer        ProblemKind = "newer"        // written by a newer version
	ProblemInternal     ProblemKind = "internal"     // our fault
)

// Values lists every ProblemKind.
func (ProblemKind) Values() []ProblemKind {
	return []ProblemKind{ProblemInvalid, ProblemUnauthorized, ProblemNotFound, ProblemAmbiguous, ProblemForbidden,
		ProblemExists, ProblemTooLarge, ProblemExpired, ProblemUsedUp, ProblemLocked, ProblemBusy, ProblemUnavailable,
		ProblemTimeout, ProblemDiskFull, ProblemDamaged, ProblemNewer, ProblemInternal}
}
