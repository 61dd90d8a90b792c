package client_test

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/client"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// The functions here are those that docs/guides/client.md shows.

func connectTo(url, token string) (demov1client.AccountServiceClient, error) {
	connection, err := client.New(url, client.WithToken(token))
	if err != nil {
		return nil, err
	}
	return demov1client.NewAccountServiceClient(connection), nil
}

func nameOf(ctx context.Context, accounts demov1client.AccountServiceClient, id string) (string, error) {
	response, err := accounts.GetUser(ctx, &demov1.GetUserRequest{UserId: id})
	if connect.CodeOf(err) == connect.CodePermissionDenied {
		return "someone", nil // this caller may not know
	}
	if err != nil {
		return "", err
	}
	return response.GetUser().GetName(), nil
}

func watch(ctx context.Context, accounts demov1client.AccountServiceClient, show func(*demov1.User)) error {
	stream, err := accounts.WatchUsers(ctx, &demov1.WatchUsersRequest{})
	if err != nil {
		return err
	}
	defer stream.Close()
	for {
		response, err := stream.Receive()
		if err == io.EOF { //nolint:errorlint // Receive returns io.EOF itself
			return nil
		}
		if err != nil {
			return err
		}
		show(response.GetUser())
	}
}

func importUsers(ctx context.Context, accounts demov1client.AccountServiceClient, users []*demov1.ImportUsersRequest) (int32, error) {
	stream, err := accounts.ImportUsers(ctx)
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	for _, user := range users {
		if err := stream.Send(user); err == io.EOF { //nolint:errorlint // Send returns io.EOF itself
			break // the server has answered already
		} else if err != nil {
			return 0, err
		}
	}
	response, err := stream.CloseAndReceive()
	return response.GetImported(), err
}

// users are the handlers that the functions call.
type users struct {
	demov1action.AccountServiceHandler
}

func (users) GetUser(context.Context, *action.Call[demov1.GetUserRequest]) (*demov1.GetUserResponse, error) {
	return &demov1.GetUserResponse{User: &demov1.User{Name: "Ann"}}, nil
}

func (users) WatchUsers(_ context.Context, _ *action.Call[demov1.WatchUsersRequest], out *action.ServerStream[demov1.WatchUsersResponse]) error {
	for _, name := range []string{"Ann", "Ben"} {
		if err := out.Send(&demov1.WatchUsersResponse{User: &demov1.User{Name: name}}); err != nil {
			return err
		}
	}
	return nil
}

func (users) ImportUsers(_ context.Context, in *action.ClientStream[demov1.ImportUsersRequest]) (*demov1.ImportUsersResponse, error) {
	for imported := int32(0); ; imported++ {
		if _, err := in.Receive(); errors.Is(err, io.EOF) {
			return &demov1.ImportUsersResponse{Imported: imported}, nil
		} else if err != nil {
			return nil, err
		}
	}
}
