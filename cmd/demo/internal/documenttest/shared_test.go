package documenttest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/documenttest"
	"github.com/sallyport-rpc/sallyport/relation"
)

// The directory's own engine says which users documents are shared with.
func TestShared(t *testing.T) {
	t.Parallel()
	documenttest.Run(t, func(_ *testing.T, users *directory.Directory) (relation.Engine, directory.Mirror) {
		return users.Viewers(), nil
	})
}
