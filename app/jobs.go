package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// progressEvery is how many steps of a job make one event.
const progressEvery = 64

// jobs runs what takes long, and remembers how it went until the node ends.
type jobs struct {
	hub   *hub
	now   func() time.Time
	ctx   context.Context // ends when the office closes
	stop  context.CancelFunc
	wait  sync.WaitGroup
	mu    sync.Mutex
	known map[string]Job
}

func newJobs(h *hub, now func() time.Time) *jobs {
	ctx, stop := context.WithCancel(context.Background())
	return &jobs{hub: h, now: now, ctx: ctx, stop: stop, known: map[string]Job{}}
}

// run starts do and answers its job. do reports how far it is and fills in the result; its error ends the job as failed.
func (j *jobs) run(workspace string, kind JobKind, do func(ctx context.Context, job *Job, progress func(done, total int)) error) Job {
	var raw [8]byte
	rand.Read(raw[:])
	job := Job{ID: hex.EncodeToString(raw[:]), Kind: kind, State: JobRunning, Started: j.now()}
	j.keep(workspace, job)
	j.wait.Add(1)
	go func() {
		defer j.wait.Done()
		mine := job
		progress := func(done, total int) {
			mine.Done, mine.Total = done, total
			if done%progressEvery == 0 || done == total {
				j.keep(workspace, mine)
			}
		}
		err := do(j.ctx, &mine, progress)
		mine.State = JobDone
		if err != nil {
			mine.State, mine.Failure = JobFailed, AsProblem(err)
		}
		j.keep(workspace, mine)
	}()
	return job
}

func (j *jobs) keep(workspace string, job Job) {
	j.mu.Lock()
	j.known[job.ID] = job
	j.mu.Unlock()
	j.hub.publish(Event{Kind: EventJob, Workspace: workspace, ID: job.ID, Job: &job})
}

func (j *jobs) get(id string) (Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	job, ok := j.known[id]
	if !ok {
		return Job{}, problem(ProblemNotFound, "There is no such job; it belonged to an earlier run.")
	}
	return job, nil
}

// close ends what runs and waits for it.
func (j *jobs) close() {
	j.stop()
	j.wait.Wait()
}

// Job is how far something long is.
func (of *Office) Job(_ context.Context, req IDRequest) (Job, error) { return of.jobs.get(req.ID) }

// RebuildView drops views and search index and builds them again from the logs.
func (of *Office) RebuildView(_ context.Context, req RebuildViewRequest) (Job, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Job{}, err
	}
	return of.jobs.run(s.idText(), JobRebuild, func(ctx context.Context, _ *Job, progress func(int, int)) error {
		return explain(s.rebuild(ctx, progress))
	}), nil
}
