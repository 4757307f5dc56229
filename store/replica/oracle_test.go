package replica_test

import (
	"testing"
)

func TestOracle02_FoldedAgainAfterEveryOpItIsTheSame(t *testing.T) {
	o := newOffice(t, "Bo")
	ada := o.desks[0]
	for i := range 6 {
		ada.sayf("message %d", i)
		if ada.crashed().digest() != ada.digest() {
			t.Fatalf("after message %d a copy opened anew shows something else", i)
		}
	}
}
