package seal

import (
	"io"
	"sync"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// Options is what a Sealer needs.
type Options struct {
	Workspace crdt.WorkspaceID
	Ring      *keyring.Ring   // whose PUKs open wraps
	Epochs    *keyring.Epochs // where secrets are kept
	Rand      io.Reader       // crypto/rand.Reader but in tests; age draws its own
}

// Sealer seals and opens for one device in one workspace. It is safe for concurrent use.
type Sealer struct {
	ws     crdt.WorkspaceID
	ring   *keyring.Ring
	epochs *keyring.Epochs
	rand   io.Reader

	mu     sync.RWMutex
	mints  map[crdt.EpochID]*mint
	scopes map[crdt.ScopeID][]crdt.EpochID // the mints of a key scope, as they came
	early  map[crdt.EpochID][]grant        // whose mint, or the key to open them with, is not here yet
	loose  map[crdt.EpochID][]looseBoxes   // whose mint is not here yet
	asked  map[crdt.EpochID]struct{}       // wanted from others and not come yet
	logs   map[logKeyID]logKey             // keys derived lately
	may    map[crdt.EpochID]verdict        // answers of the send rule lately

	pastMu sync.Mutex // may be taken while mu is held, not the other way round
	pasts  map[pastKey]*past
}

// New makes a Sealer that knows no mint yet: it is fed all key ops that the store holds, then each as it comes.
func New(o Options) *Sealer {
	return &Sealer{
		ws: o.Workspace, ring: o.Ring, epochs: o.Epochs, rand: o.Rand,
		mints:  map[crdt.EpochID]*mint{},
		scopes: map[crdt.ScopeID][]crdt.EpochID{},
		early:  map[crdt.EpochID][]grant{},
		loose:  map[crdt.EpochID][]looseBoxes{},
		asked:  map[crdt.EpochID]struct{}{},
		logs:   map[logKeyID]logKey{},
		may:    map[crdt.EpochID]verdict{},
		pasts:  map[pastKey]*past{},
	}
}
