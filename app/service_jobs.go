package app

import "time"

// ImportRequest brings another system's history in. One of Path (a file on
// this machine) and File (an upload) is set.
type ImportRequest struct {
	In
	System string `json:"system"` // "slack"
	Path   string `json:"path,omitempty"`
	File   string `json:"file,omitempty"`
	// DryRun counts and writes nothing.
	DryRun bool `json:"dry_run,omitempty"`
	// Map says which member a person of the source is: source id or name to member id or name.
	Map map[string]string `json:"map,omitempty"`
}

// ImportReport accounts for every record of a source: Messages + Replies +
// the sum of Skipped = Records.
type ImportReport struct {
	Records   int `json:"records"`
	Channels  int `json:"channels"`
	Messages  int `json:"messages"` // without replies
	Replies   int `json:"replies"`
	Reactions int `json:"reactions"`
	Files     int `json:"files"`
	People    int `json:"people"`
	// Skipped counts the rest by reason; what was absorbed is "applied:topic" and so on.
	Skipped map[string]int `json:"skipped"`
	// Added counts messages that were not here before.
	Added int `json:"added"`
}

// ExportRequest writes what this person can read into a directory on this
// machine, which must be empty or not exist.
type ExportRequest struct {
	In
	Dir string `json:"dir"`
}

// RebuildViewRequest drops views and search index and builds them again from the logs.
type RebuildViewRequest struct{ In }

// Job is something long that goes on by itself. Its progress comes as
// EventJob; it is kept until the node ends.
type Job struct {
	ID    string   `json:"id"`
	Kind  JobKind  `json:"kind"`
	State JobState `json:"state"`
	Done  int      `json:"done"`
	Total int      `json:"total"` // 0 while unknown
	// Failure is why State is JobFailed.
	Failure *Problem      `json:"failure,omitempty"`
	Import  *ImportReport `json:"import,omitempty"`
	Export  *ExportReport `json:"export,omitempty"`
	Started time.Time     `json:"started"`
}

// ExportReport says what an export wrote.
type ExportReport struct {
	Dir      string `json:"dir"`
	Channels int    `json:"channels"`
	Messages int    `json:"messages"`
	Files    int    `json:"files"`
}

// JobKind is what a job does.
type JobKind string

// The kinds of job.
const (
	JobImport  JobKind = "import"
	JobExport  JobKind = "export"
	JobRebuild JobKind = "rebuild"
)

// Values lists every JobKind.
func (JobKind) Values() []JobKind { return []JobKind{JobImport, JobExport, JobRebuild} }

// JobState is how far a job is.
type JobState string

// The states of a job.
const (
	JobRunning JobState = "running"
	JobDone    JobState = "done"
	JobFailed  JobState = "failed"
)

// Values lists every JobState.
func (JobState) Values() []JobState { return []JobState{JobRunning, JobDone, JobFailed} }

// BundleMakeRequest writes history into a file, for a stick.
type BundleMakeRequest struct {
	In
	Path       string `json:"path"`
	For        string `json:"for,omitempty"` // a person whose key seals it
	Passphrase string `json:"passphrase,omitempty"`
}

// BundleApplyRequest reads such a file.
type BundleApplyRequest struct {
	In
	Path       string `json:"path"`
	Passphrase string `json:"passphrase,omitempty"`
}

// BundleReply counts ops written or taken in, and logs that still have a gap.
type BundleReply struct {
	Ops  int `json:"ops"`
	Gaps int `json:"gaps"`
}
