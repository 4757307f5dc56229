package app

import "errors"

// AsProblem is what a person is told about err. An error that is not a Problem is a fault of ours.
func AsProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{Kind: ProblemInternal, Sentence: "Something went wrong inside Hallway; nothing was lost, try again or look into the log."}
}

func problem(kind ProblemKind, sentence string) *Problem {
	return &Problem{Kind: kind, Sentence: sentence}
}
