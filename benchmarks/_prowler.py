"""What Prowler's checks of Kubernetes have in common with our policies, and where the two differ.

Data alone: `prowler_kubernetes.py` compares. Sources of who is right are named beside each kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SAME = [
    line.split()
    for line in """
apiserver_always_pull_images_plugin apiserver-always-pull-images-off
apiserver_anonymous_requests apiserver-anonymous-auth
apiserver_audit_log_maxage_set apiserver-audit-log-short
apiserver_audit_log_maxbackup_set apiserver-audit-log-small
apiserver_audit_log_maxsize_set apiserver-audit-log-small
apiserver_audit_log_path_set apiserver-audit-log-missing
apiserver_auth_mode_include_node apiserver-authorization-without-node
apiserver_auth_mode_include_rbac apiserver-authorization-without-rbac
apiserver_auth_mode_not_always_allow apiserver-authorization-always-allow
apiserver_client_ca_file_set apiserver-client-ca-missing
apiserver_deny_service_external_ips apiserver-external-ips-allowed
apiserver_disable_profiling apiserver-profiling
apiserver_encryption_provider_config_set apiserver-encryption-missing
apiserver_etcd_cafile_set apiserver-etcd-ca-missing apiserver-etcd-plain
apiserver_etcd_tls_config apiserver-etcd-certificate-missing apiserver-etcd-plain
apiserver_event_rate_limit apiserver-event-rate-limit-off
apiserver_kubelet_cert_auth apiserver-kubelet-ca-missing
apiserver_kubelet_tls_auth apiserver-kubelet-certificate-missing
apiserver_namespace_lifecycle_plugin apiserver-namespace-lifecycle-off
apiserver_no_always_admit_plugin apiserver-admission-always-admit
apiserver_no_token_auth_file apiserver-token-file
apiserver_node_restriction_plugin apiserver-node-restriction-off
apiserver_request_timeout_set apiserver-request-timeout-long
apiserver_security_context_deny_plugin apiserver-pod-security-off
apiserver_service_account_key_file_set apiserver-service-account-key-missing
apiserver_service_account_lookup_true apiserver-service-account-lookup-off
apiserver_service_account_plugin apiserver-service-accounts-off
apiserver_strong_ciphers_only apiserver-weak-ciphers
apiserver_tls_config apiserver-certificate-missing
controllermanager_bind_address controller-manager-bind-address
controllermanager_disable_profiling controller-manager-profiling
controllermanager_garbage_collection controller-manager-pod-gc-off
controllermanager_root_ca_file_set controller-manager-root-ca-missing
controllermanager_rotate_kubelet_server_cert controller-manager-kubelet-rotation-off
controllermanager_service_account_credentials controller-manager-one-credential
controllermanager_service_account_private_key_file controller-manager-service-account-key-missing
core_cpu_limits_set workload-no-cpu-limit
core_cpu_requests_set workload-no-cpu-request
core_image_tag_fixed workload-image-latest
core_liveness_probe_configured workload-no-liveness-probe
core_memory_limits_set workload-no-memory-limit
core_memory_requests_set workload-no-memory-request
core_minimize_admission_hostport_containers workload-host-port
core_minimize_admission_windows_hostprocess_containers workload-host-process
core_minimize_allowPrivilegeEscalation_containers workload-privilege-escalation
core_minimize_containers_added_capabilities workload-capabilities-beyond-ports
core_minimize_containers_capabilities_assigned workload-capabilities-not-dropped
core_minimize_hostIPC_containers workload-host-ipc
core_minimize_hostNetwork_containers workload-host-network
core_minimize_hostPID_containers workload-host-pid
core_minimize_hostpath_volume_mounts workload-host-path
core_minimize_net_raw_capability_admission workload-net-raw
core_minimize_privileged_containers workload-privileged
core_minimize_root_containers_admission workload-runs-as-root
core_no_secrets_envs workload-secret-as-environment
core_readiness_probe_configured workload-no-readiness-probe
core_readonly_root_filesystem_enabled workload-root-filesystem-writable
core_seccomp_profile_docker_default workload-seccomp-unset workload-seccomp-unconfined
etcd_client_cert_auth etcd-client-certificates-off
etcd_no_auto_tls etcd-auto-tls
etcd_no_peer_auto_tls etcd-peer-auto-tls
etcd_peer_client_cert_auth etcd-peer-certificates-off
etcd_peer_tls_config etcd-peer-tls-off
etcd_tls_encryption etcd-tls-off
etcd_unique_ca etcd-shared-authority
kubelet_authorization_mode kubelet-always-allow
kubelet_client_ca_file_set kubelet-client-ca-missing
kubelet_disable_anonymous_auth kubelet-anonymous-auth
kubelet_disable_read_only_port kubelet-read-only-port
kubelet_event_record_qps kubelet-events-dropped
kubelet_manage_iptables kubelet-iptables-unmanaged
kubelet_rotate_certificates kubelet-certificates-not-rotated
kubelet_streaming_connection_timeout kubelet-idle-streams-long
kubelet_strong_ciphers_only kubelet-weak-ciphers
kubelet_tls_cert_and_key kubelet-certificate-self-signed
rbac_cluster_admin_usage rbac-cluster-admin
rbac_minimize_csr_approval_access rbac-certificate-approval rbac-cluster-admin
rbac_minimize_node_proxy_subresource_access rbac-nodes-proxy rbac-cluster-admin
rbac_minimize_pod_creation_access rbac-pods-create
rbac_minimize_pv_creation_access rbac-volumes-create rbac-cluster-admin
rbac_minimize_secret_access rbac-secrets-cluster-wide rbac-secrets-namespace
rbac_minimize_service_account_token_creation rbac-token-create rbac-cluster-admin
rbac_minimize_webhook_config_access rbac-webhooks rbac-cluster-admin
rbac_minimize_wildcard_use_roles rbac-wildcard
scheduler_bind_address scheduler-bind-address
scheduler_profiling scheduler-profiling
core_minimize_containers_capabilities_assigned workload-capabilities-beyond-ports
""".strip().splitlines()
]
CHECKS: Mapping[str, Sequence[str]] = {
    check: [f"k8s-{name}" for known, *names in _SAME for name in names if known == check]
    for check, *_ in _SAME
}
"""The checks of Prowler that the API decides, each with our policies on the same thing."""
WHY = {
    "default": "we are right: what the flag or field does where it is not given is documented (the "
    "references of kube-apiserver, kube-controller-manager and etcd, and of the API), and they ask "
    "for the word itself: allowPrivilegeEscalation, anonymous-auth, profiling and which admission "
    "plugins run have defaults",
    "reversed": "we are right: they look for DenyServiceExternalIPs among what is switched off, "
    "and for an EventRateLimit that is not there",
    "never": "we are right: their client's name of the field, or of the resource, is not the one "
    "that is asked for, so the check cannot fail (hostPort, secretKeyRef, added NET_RAW; `secret`)",
    "text": "we are right: --auto-tls=false is in the text of the command line too, as is a flag "
    "with an empty value, and one of two flags is not both",
    "pairs": "both say what they ask: a certificate that etcd makes itself is no certificate of "
    "yours, which we say by k8s-etcd-auto-tls and k8s-etcd-peer-auto-tls",
    "etcd": "we are right: etcd asks for certificates as soon as it has a trusted-ca-file, and "
    "--client-cert-auth=false or an http:// address asks for none (etcd, Transport security "
    "model); that there is no TLS at all is told by k8s-etcd-tls-off",
    "exact": "we are right: 0 keeps audit logs without an end, more than is asked for is no "
    "failure, and 12500 is a number like others where 0 switches the collection off; we ask for "
    "the days and for files times size",
    "policy": "we are right: without --audit-policy-file nothing is logged (Kubernetes, Auditing)",
    "stomped": "we are right: the API server switches anonymous requests off where it allows all, "
    "and where the mode is not given it does",
    "plain": "both: where etcd is not spoken to by https, no file of an authority is used; "
    "k8s-apiserver-etcd-plain says that, of servers that are named",
    "removed": "we are right: SecurityContextDeny and PodSecurityPolicy are gone (1.30, 1.25); "
    "what is there is PodSecurity, which is on",
    "suites": "we are right: the suites of TLS 1.3, which they ask for, cannot be chosen, and "
    "where none is named Go's own choice holds; we tell of those that the reference calls insecure",
    "basic": "we are right as long as such servers run: --basic-auth-file is a file of passwords",
    "bootstrap": "both: certificates that the cluster signs (serverTLSBootstrap) need no files",
    "capability": "we are right: Pod Security Standards let every container add NET_BIND_SERVICE",
    "inherit": "we are right: they read containers alone, or what a pod says for all, and a "
    "container's own profile is what holds; Pod Security Standards forbid uid 0, Unconfined "
    "and hostProcess in either place",
    "unsaid": "we are right: a runtime gives a container that says nothing its own capabilities, "
    "NET_RAW among them with containerd",
    "traffic": "as one likes: a readiness probe keeps traffic away, and we ask for it where a port "
    "or a service says that there is any",
    "windows": "we are right: seccomp is of Linux (Pod Security Standards leave Windows out)",
    "administrators": "as one likes: whom the API server itself, or kubeadm, makes administrator "
    "of every cluster is not told of (system:masters, kubeadm:cluster-admins, the control plane)",
    "groups": "we are right: a * among API groups is a wildcard too",
    "glob": "we are right: RBAC knows * alone, so p*ds is the name of no resource",
}
"""By kind of difference, who is right and by what."""
EXPLAINED = {
    (check, who): kind
    for kind, who, *checks in (
        line.split()
        for line in """
default they apiserver_namespace_lifecycle_plugin apiserver_service_account_plugin
default they apiserver_request_timeout_set apiserver_service_account_lookup_true
default we apiserver_anonymous_requests core_minimize_allowPrivilegeEscalation_containers
default we apiserver_request_timeout_set
reversed they apiserver_deny_service_external_ips apiserver_event_rate_limit
reversed we apiserver_deny_service_external_ips apiserver_event_rate_limit
never we core_minimize_admission_hostport_containers core_no_secrets_envs
never we rbac_minimize_secret_access
text they etcd_no_auto_tls etcd_no_peer_auto_tls
text we apiserver_client_ca_file_set apiserver_kubelet_tls_auth etcd_tls_encryption
text we etcd_peer_tls_config etcd_peer_client_cert_auth
pairs they etcd_tls_encryption etcd_peer_tls_config
etcd they etcd_client_cert_auth
etcd we etcd_client_cert_auth
exact they apiserver_audit_log_maxage_set apiserver_audit_log_maxbackup_set
exact they apiserver_audit_log_maxsize_set
exact we apiserver_audit_log_maxsize_set controllermanager_garbage_collection
policy we apiserver_audit_log_path_set
stomped they apiserver_anonymous_requests
plain they apiserver_etcd_cafile_set apiserver_etcd_tls_config
removed they apiserver_security_context_deny_plugin
suites they apiserver_strong_ciphers_only
basic we apiserver_no_token_auth_file
bootstrap they kubelet_tls_cert_and_key
capability they core_minimize_containers_added_capabilities
capability they core_minimize_containers_capabilities_assigned
inherit we core_minimize_admission_windows_hostprocess_containers
inherit we core_minimize_root_containers_admission core_seccomp_profile_docker_default
unsaid we core_minimize_net_raw_capability_admission
unsaid we core_minimize_containers_capabilities_assigned
traffic they core_readiness_probe_configured
windows they core_seccomp_profile_docker_default
administrators they rbac_minimize_csr_approval_access rbac_minimize_webhook_config_access
administrators they rbac_minimize_node_proxy_subresource_access rbac_minimize_pv_creation_access
administrators they rbac_minimize_service_account_token_creation
groups we rbac_minimize_wildcard_use_roles
glob they rbac_minimize_wildcard_use_roles
""".strip().splitlines()
    )
    for check in checks
}
"""By check and by who fails alone (`they`, `we`), the kind of difference."""
