/** Names of the methods that can be asked by a plain call, for search and console; `openrpc.json` has the rest of them. */

export const METHOD_NAMES: readonly string[] = [
  "account_get", "account_keys", "chain_certificate", "chain_checkpoint", "chain_checkpoints", "chain_committee", "chain_head",
  "chain_params", "chain_writes", "dag_block", "dag_rounds", "events_query", "module_call", "module_code", "module_get",
  "module_interface", "module_list", "node_health", "node_info", "node_peers", "rpc.discover", "state_get", "state_getMany",
  "state_scan", "tx_absence", "tx_feeEstimate", "tx_get", "tx_list", "tx_preview", "tx_simulate", "tx_status", "tx_submit",
];
