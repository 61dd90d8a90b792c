package demo

import (
	"context"
	"fmt"
	"io"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
)

// backUp copies the database to a new file. A demo may serve it meanwhile.
func backUp(ctx context.Context, path, to string, out io.Writer) error {
	users, err := directory.Open(ctx, path, directory.Config{MustExist: true})
	if err != nil {
		return err
	}
	defer users.Close()
	if err := users.Backup(ctx, to); err != nil {
		return err
	}
	fmt.Fprintf(out, "Backed up the users and their API keys in %s to %s, without sessions.\n", path, to)
	return nil
}
