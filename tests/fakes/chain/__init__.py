"""A chain of the tests' own: anvil with a token like USDC, and a proxy that lies about it.

`devnet.Devnet` runs it, `rpc_proxy.RpcProxy` stands before it. The contracts are in TestUSDC.sol;
contracts.json is what the compiler named in it made of them.
"""
