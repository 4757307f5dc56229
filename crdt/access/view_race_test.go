package access

import (
	"fmt"
	"sync"
	"testing"
)

// Readers ask an old view and fresh ones while the writer goes on; the old one must not change. The race detector is
// what this is written for.
func TestAViewIsReadWhileTheStateGoesOn(t *testing.T) {
	o := staffed(t)
	scope := o.private("Farah", false, "Noor")
	old := o.st.View()
	want, heads := picture(old), old.AuthHeads(scope)
	views := make(chan *View)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for v := range views {
				if got := picture(old); got != want {
					t.Error("the old view changed")
				}
				if picture(v) == want {
					t.Error("the new view says nothing new")
				}
				if _, err := v.Stale(scope, heads); err != nil {
					t.Error(err)
				}
				v.Cuts()
				v.Recipients(scope)
			}
		})
	}
	for i := range 12 {
		o.hire(fmt.Sprint("Gil", i))
		laptop := o.laptop(fmt.Sprint("Gil", i))
		o.do("Ada", &DeviceRevoke{Rank: Owner, User: o.user(fmt.Sprint("Gil", i)), Device: o.dsk(laptop)})
		o.must(o.within(scope, "Farah", &ChannelGrant{Scope: scope, Rank: Founder, User: o.user(fmt.Sprint("Gil", i)), Role: Poster}))
		views <- o.st.View()
	}
	close(views)
	readers.Wait()
}
