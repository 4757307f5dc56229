package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hallway/app"
	"hallway/app/web"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (c *cli) historyCommands() []*cobra.Command {
	return []*cobra.Command{c.importCommand(), c.exportCommand(), c.bundleCommand(), c.rebuildCommand()}
}

func (c *cli) importCommand() *cobra.Command {
	var req app.ImportRequest
	var mapFile string
	cmd := &cobra.Command{Use: "import SYSTEM FILE", Short: "Bring another system's history in; a second time adds nothing", Args: cobra.ExactArgs(2),
		Example: "  hallway import slack export.zip --dry-run",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			path, err := filepath.Abs(args[1])
			if err != nil {
				return fmt.Errorf("find %s: %w", args[1], err)
			}
			req.In, req.System, req.Path = c.where(), args[0], path
			if req.Map, err = readMap(mapFile); err != nil {
				return err
			}
			job, err := web.Call[app.Job](ctx, node, "Import", req)
			if err != nil {
				return err
			}
			if job, err = c.awaitJob(ctx, node, job); err != nil {
				return err
			}
			return c.emit(job.Import, "%s", importText(*job.Import))
		})}
	cmd.Flags().BoolVar(&req.DryRun, "dry-run", false, "count and write nothing")
	cmd.Flags().StringVar(&mapFile, "map", "", `JSON file that says who of the source is who here: {"U012": "Ada Njoku"}`)
	return cmd
}

// maxMap is the most bytes that a map of people may have.
const maxMap = 4 << 20

func readMap(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the map of people cannot be read: %w", err)
	}
	var m map[string]string
	if len(b) > maxMap || json.Unmarshal(b, &m) != nil {
		return nil, &app.Problem{Kind: app.ProblemInvalid, Sentence: fmt.Sprintf("%s is not a JSON object of names; nothing was imported.", path)}
	}
	return m, nil
}

func importText(r app.ImportReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d records: %d messages and %d replies in %d channels, %d reactions, %d files, %d people; %d are new here.",
		r.Records, r.Messages, r.Replies, r.Channels, r.Reactions, r.Files, r.People, r.Added)
	reasons := make([]string, 0, len(r.Skipped))
	for why := range r.Skipped {
		reasons = append(reasons, why)
	}
	slices.Sort(reasons)
	for _, why := range reasons {
		fmt.Fprintf(&b, "\n  %5d %s", r.Skipped[why], why)
	}
	return b.String()
}

func (c *cli) exportCommand() *cobra.Command {
	return &cobra.Command{Use: "export DIR", Short: "Write what you can read into a folder", Args: cobra.ExactArgs(1), Example: "  hallway export history",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return fmt.Errorf("find %s: %w", args[0], err)
			}
			job, err := web.Call[app.Job](ctx, node, "Export", app.ExportRequest{In: c.where(), Dir: dir})
			if err != nil {
				return err
			}
			if job, err = c.awaitJob(ctx, node, job); err != nil {
				return err
			}
			e := job.Export
			return c.emit(e, "%d messages and %d files of %d channels are in %s", e.Messages, e.Files, e.Channels, e.Dir)
		})}
}

func (c *cli) rebuildCommand() *cobra.Command {
	return &cobra.Command{Use: "rebuild", Short: "Drop views and search index and build them again from the logs", Args: cobra.NoArgs, Example: "  hallway rebuild",
		RunE: c.each(func(ctx context.Context, node *web.Client, _ []string) error {
			job, err := web.Call[app.Job](ctx, node, "RebuildView", app.RebuildViewRequest{In: c.where()})
			if err != nil {
				return err
			}
			if job, err = c.awaitJob(ctx, node, job); err != nil {
				return err
			}
			return c.emit(map[string]int{"done": job.Done}, "%d ops read; views and search are new.", job.Done)
		})}
}

// awaitJob waits until the job has ended, with a bar where a person looks on.
func (c *cli) awaitJob(ctx context.Context, node *web.Client, job app.Job) (app.Job, error) {
	bar := progressBar{on: !c.json && term.IsTerminal(int(os.Stderr.Fd())) && c.err == os.Stderr}
	ended := errors.New("ended")
	look := func() error {
		now, err := web.Call[app.Job](ctx, node, "Job", app.IDRequest{ID: job.ID})
		if err != nil {
			return err
		}
		if job = now; job.State != app.JobRunning {
			return ended
		}
		return nil
	}
	err := node.Events(ctx, 0, func(e app.Event) error {
		switch {
		case e.Kind == app.EventReset: // subscribed: from here on nothing is missed, so look once
			return look()
		case e.Kind != app.EventJob || e.ID != job.ID || e.Job == nil:
			return nil
		}
		bar.show(e.Job.Done, e.Job.Total)
		if e.Job.State != app.JobRunning {
			return look()
		}
		return nil
	})
	bar.end()
	if err != nil && !errors.Is(err, ended) {
		return job, err
	}
	if job.Failure != nil {
		return job, job.Failure
	}
	return job, nil
}

// progressBar is drawn on a terminal alone.
type progressBar struct{ on, drawn bool }

func (b *progressBar) show(done, total int) {
	if !b.on || total == 0 {
		return
	}
	const width = 32
	full := width * done / total
	fmt.Fprintf(os.Stderr, "\r[%s%s] %d of %d", strings.Repeat("=", full), strings.Repeat(" ", width-full), done, total)
	b.drawn = true
}

func (b *progressBar) end() {
	if b.drawn {
		fmt.Fprintln(os.Stderr)
	}
}

func (c *cli) bundleCommand() *cobra.Command {
	var person, passFile string
	makeCmd := &cobra.Command{Use: "make FILE", Short: "Write history into a sealed file", Args: cobra.ExactArgs(1),
		Example: "  hallway bundle make site-b.hallway --for Bram",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			path, pass, err := bundleArgs(args[0], passFile)
			if err != nil {
				return err
			}
			if person == "" && pass == "" {
				return usageError{errors.New("say whom it is for with --for, or give a passphrase with --passphrase-file")}
			}
			reply, err := web.Call[app.BundleReply](ctx, node, "BundleMake", app.BundleMakeRequest{In: c.where(), Path: path, For: person, Passphrase: pass})
			if err != nil {
				return err
			}
			return c.emit(reply, "%d ops written", reply.Ops)
		})}
	apply := &cobra.Command{Use: "apply FILE", Short: "Take in such a file", Args: cobra.ExactArgs(1), Example: "  hallway bundle apply site-b.hallway",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			path, pass, err := bundleArgs(args[0], passFile)
			if err != nil {
				return err
			}
			reply, err := web.Call[app.BundleReply](ctx, node, "BundleApply", app.BundleApplyRequest{In: c.where(), Path: path, Passphrase: pass})
			if err != nil {
				return err
			}
			return c.emit(reply, "%d ops taken in, %d logs have a gap", reply.Ops, reply.Gaps)
		})}
	makeCmd.Flags().StringVar(&person, "for", "", "who may open it")
	for _, sub := range []*cobra.Command{makeCmd, apply} {
		sub.Flags().StringVar(&passFile, "passphrase-file", "", "a file whose first line is the passphrase")
	}
	return group("bundle", "History by hand, on a stick", makeCmd, apply)
}

func bundleArgs(path, passFile string) (abs, pass string, err error) {
	if abs, err = filepath.Abs(path); err != nil {
		return "", "", fmt.Errorf("find %s: %w", path, err)
	}
	if passFile == "" {
		return abs, "", nil
	}
	f, err := os.Open(passFile)
	if err != nil {
		return "", "", fmt.Errorf("the passphrase file cannot be read: %w", err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	if !s.Scan() || s.Text() == "" {
		return "", "", fmt.Errorf("the passphrase file %s is empty; write the passphrase into its first line", passFile)
	}
	return abs, s.Text(), nil
}
