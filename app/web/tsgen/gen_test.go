package tsgen

import (
	"context"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"hallway/app"
)

const committed = "../../../frontend/src/api.gen.ts"

// The window is compiled against the committed file; if it is stale, the
// window and the node disagree at run time instead of here.
func TestTheCommittedTypesAreThoseOfTheService(t *testing.T) {
	want := Generate(reflect.TypeFor[app.Service](), reflect.TypeFor[app.Event](), reflect.TypeFor[app.Problem]())
	got, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatal("frontend/src/api.gen.ts is not what app.Service says; run: go generate ./app/web")
	}
}

type colour string

func (colour) Values() []colour { return []colour{"red", "blue"} }

type inner struct {
	Where string `json:"where,omitempty"`
}

type tree struct {
	inner
	Inner  inner            `json:"in"`
	Big    int64            `json:"big,string"`
	At     time.Time        `json:"at,omitzero"`
	Bytes  []byte           `json:"bytes"`
	Kids   []tree           `json:"kids"`
	Parent *tree            `json:"parent,omitempty"`
	Colour colour           `json:"colour"`
	Counts map[string]int   `json:"counts"`
	Many   map[string][]int `json:"many"`
}

type grower interface {
	Grow(context.Context, tree) (inner, error)
}

func TestEveryAllowedShapeHasItsTypeScript(t *testing.T) {
	got := Generate(reflect.TypeFor[grower]())
	for _, want := range []string{
		"export type colour = \"red\" | \"blue\";",
		"where?: string;", "in: inner;", "big: string;", "at?: string;", "bytes: string;", "kids: tree[];",
		"parent?: tree;", "colour: colour;", "counts: Record<string, number>;", "many: Record<string, number[]>;",
		"Grow: [tree, inner];",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q in\n%s", want, got)
		}
	}
}

type takesInt64 interface {
	M(context.Context, struct{ N int64 }) (inner, error)
}
type takesAny interface {
	M(context.Context, struct {
		N any `json:"n"`
	}) (inner, error)
}
type takesIntMap interface {
	M(context.Context, struct {
		N map[int]int `json:"n"`
	}) (inner, error)
}
type naked string
type takesNakedEnum interface {
	M(context.Context, struct {
		N naked `json:"n"`
	}) (inner, error)
}
type takesBigNumber interface {
	M(context.Context, struct {
		N int64 `json:"n"`
	}) (inner, error)
}

func TestWhatJavaScriptCannotHoldStopsTheBuild(t *testing.T) {
	for _, service := range []reflect.Type{
		reflect.TypeFor[takesInt64](), reflect.TypeFor[takesAny](), reflect.TypeFor[takesIntMap](),
		reflect.TypeFor[takesNakedEnum](), reflect.TypeFor[takesBigNumber](),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s went through", service)
				}
			}()
			Generate(service)
		}()
	}
}
