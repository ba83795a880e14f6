use super::*;

/// The beginning of a day.
const DAY: i64 = 20_454 * DAY_S;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(DAY).plus_seconds(second)
}

fn id() -> ClientId {
    ClientId::from_random([7; 16])
}

fn quota(per_hour: u32, per_day: u32, enforce: bool) -> TokenQuota {
    let limit = |number| Some(number).filter(|number| *number > 0);
    TokenQuota { per_hour: limit(per_hour), per_day: limit(per_day), enforce }
}

fn of_client(quota: TokenQuota) -> TokenQuotas {
    TokenQuotas { client: Some(quota), account: None }
}

/// Takes a token and settles it; the percent that were told.
fn issue(table: &Arc<QuotaTable>, quotas: &TokenQuotas, second: i64) -> Option<Vec<u8>> {
    let token = table.take(&id(), quotas, at(second)).ok()?;
    Some(token.settle().iter().map(|warning| warning.percent).collect())
}

#[test]
fn windows_begin_with_the_hour_and_the_day() {
    let table = Arc::default();
    let quotas = of_client(quota(2, 3, true));
    for (second, issued) in [
        (0, true),
        (3_599, true),
        (3_599, false),
        (3_600, true),
        // Three in a day.
        (7_200, false),
        (86_399, false),
        (86_400, true),
        (86_401, true),
        (86_402, false),
        (90_000, true),
    ] {
        assert_eq!(issue(&table, &quotas, second).is_some(), issued, "{second}");
    }
}

#[test]
fn a_clock_that_goes_back_opens_no_window_anew() {
    let table = Arc::default();
    let quotas = of_client(quota(1, 0, true));
    assert!(issue(&table, &quotas, 3_600).is_some());
    assert!(issue(&table, &quotas, 10).is_none());
    assert!(issue(&table, &quotas, 7_200).is_some());
}

#[test]
fn a_token_stands_as_auth0_tells_it() {
    let table: Arc<QuotaTable> = Arc::default();
    let quotas = of_client(quota(10, 50, true));
    let token = table.take(&id(), &quotas, at(60)).unwrap();
    let limits: Vec<_> = token.standing().client.iter().collect();
    let told: Vec<_> =
        limits.iter().map(|l| (l.bucket.name(), l.quota, l.remaining, l.resets_in_s)).collect();
    assert_eq!(told, [("per_hour", 10, 9, 3_540), ("per_day", 50, 49, 86_340)]);
    assert!(token.standing().account.is_empty());
}

#[test]
fn what_is_not_settled_is_given_back() {
    let table: Arc<QuotaTable> = Arc::default();
    let quotas = of_client(quota(1, 0, true));
    let token = table.take(&id(), &quotas, at(0)).unwrap();
    assert!(table.take(&id(), &quotas, at(0)).is_err());
    drop(token);
    assert!(issue(&table, &quotas, 1).is_some());
    // Given back in the next hour, it takes nothing from it.
    let token = table.take(&id(), &quotas, at(3_600)).unwrap();
    assert!(issue(&table, &quotas, 7_200).is_some());
    drop(token);
    assert!(issue(&table, &quotas, 7_200).is_none());
}

#[test]
fn of_client_and_account_both_count_or_neither() {
    let table: Arc<QuotaTable> = Arc::default();
    let account = AccountId::parse("acc_1").unwrap();
    let both = |client: u32, of_account: u32| TokenQuotas {
        client: Some(quota(client, 0, true)),
        account: Some((account.clone(), quota(of_account, 0, true))),
    };
    assert!(issue(&table, &both(5, 1), 0).is_some());
    let refused = table.take(&id(), &both(5, 1), at(30)).unwrap_err();
    assert_eq!(refused.holder, QuotaHolder::Account(account.clone()));
    assert_eq!((refused.limit.remaining, refused.limit.resets_in_s), (0, 3_570));
    assert_eq!(refused.standing.client[0].remaining, 4);
    let refused = table.take(&id(), &both(1, 2), at(30)).unwrap_err();
    assert_eq!(refused.holder, QuotaHolder::Client(id()));
    assert_eq!(refused.standing.account[0].remaining, 1);
}

#[test]
fn the_limit_that_opens_last_is_told() {
    let table: Arc<QuotaTable> = Arc::default();
    let quotas = of_client(quota(1, 1, true));
    assert!(issue(&table, &quotas, 0).is_some());
    let refused = table.take(&id(), &quotas, at(0)).unwrap_err();
    assert_eq!((refused.limit.bucket, refused.limit.resets_in_s), (Bucket::Day, 86_400));
}

#[test]
fn thresholds_are_told_once_in_a_window() {
    let table = Arc::default();
    let quotas = of_client(quota(5, 0, false));
    let told: Vec<_> = (0..8).map(|n| issue(&table, &quotas, n).unwrap()).collect();
    let none: Vec<u8> = Vec::new();
    let expected = [vec![], vec![], vec![60], vec![80], vec![100], vec![], vec![], vec![]];
    assert_eq!(told, expected);
    assert_eq!(issue(&table, &quotas, 3_600).unwrap(), none);
    // One token is all of a quota of one.
    assert_eq!(issue(&table, &of_client(quota(0, 1, false)), 86_400).unwrap(), [100]);
}

#[test]
fn a_token_given_back_tells_nothing_and_told_stays_told() {
    let table: Arc<QuotaTable> = Arc::default();
    let quotas = of_client(quota(2, 0, true));
    drop(table.take(&id(), &quotas, at(0)).unwrap());
    assert_eq!(issue(&table, &quotas, 0).unwrap(), [0_u8; 0]);
    drop(table.take(&id(), &quotas, at(0)).unwrap());
    assert_eq!(issue(&table, &quotas, 0).unwrap(), [100]);
}

#[test]
fn counts_go_on_after_a_restart_and_days_that_are_over_are_forgotten() {
    let table: Arc<QuotaTable> = Arc::default();
    let quotas = of_client(quota(2, 0, true));
    assert!(issue(&table, &quotas, 0).is_some());
    let kept = table.unsaved(at(1));
    assert_eq!(kept.len(), 1);
    assert!(table.unsaved(at(1)).is_empty());
    table.not_saved(&kept);
    assert_eq!(table.unsaved(at(1)), kept);
    let table = Arc::new(QuotaTable::restored(kept));
    assert!(issue(&table, &quotas, 2).is_some());
    assert!(issue(&table, &quotas, 3).is_none());
    let _ = table.unsaved(at(DAY_S));
    assert!(table.is_empty());
}

#[test]
fn of_many_who_want_the_last_tokens_as_many_get_them_as_there_are() {
    let table: Arc<QuotaTable> = Arc::default();
    let quotas = of_client(quota(100, 0, true));
    let issued: usize = std::thread::scope(|scope| {
        let one = || (0..50).filter(|_| issue(&table, &quotas, 9).is_some()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(issued, 100);
}

#[test]
fn a_quota_of_none_is_refused() {
    let mut faults = Faults::default();
    TokenQuota { per_hour: Some(0), per_day: Some(QUOTA_MAX), enforce: true }
        .check(&mut faults, "token_quota");
    let faults = faults.finish().unwrap_err();
    assert_eq!(faults[0].field, "token_quota.client_credentials.per_hour");
    assert_eq!(faults.len(), 1);
}
